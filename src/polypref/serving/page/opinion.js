// Shows what people think of a question: a table, and a figure where preferences run in a circle.
"use strict";

function opinion(prompt, responses, told) {
  const P = told.preferences, cycle = circle(P);
  $("opinion").hidden = false;
  $("about").textContent = prompt;
  const head = document.createElement("tr");
  head.append(element("td", ""), ...responses.map((_, at) => element("th", `${at + 1}`, { scope: "col" })));
  $("columns").replaceChildren(head);
  $("rows").replaceChildren(...P.map((row, i) => {
    const line = document.createElement("tr"), name = element("th", "", { scope: "row" });
    name.append(element("span", `${i + 1}  ${responses[i]}`, { className: "name" }));
    line.append(name);
    row.forEach((p, j) => line.append(element("td", i === j ? "–" : String(Math.round(100 * p)))));
    return line;
  }));
  const agreement = [];
  P.forEach((row, i) => row.slice(i + 1).forEach((p) => agreement.push(Math.max(p, 1 - p))));
  const mean = Math.round(100 * agreement.reduce((sum, one) => sum + one, 0) / agreement.length);
  const circles = cycle ? ` Preferences run in a circle: ${cycle.map((at) => at + 1).join(" before ")}.` : "";
  $("summary").textContent = `${count(told.votes, "vote")}; on a pair, ${mean} of 100 agree.${circles}`;
  $("circle").hidden = !cycle;
  $("circle").replaceChildren(...(cycle ? [drawn(P, cycle)] : []));
}

function circle(P) {
  const K = P.length, beats = (i, j) => P[i][j] > 0.5;
  for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) for (let k = 0; k < K; k++) {
    if (beats(i, j) && beats(j, k) && beats(k, i)) return [i, j, k, i];
  }
  return null;
}

function shape(kind, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

// Arrows lead from the answer that more people prefer to the other; those of the circle are heavy.
function drawn(P, cycle) {
  const K = P.length, middle = 110, far = 80, near = 17;
  const place = (at) => {
    const angle = 2 * Math.PI * at / K - Math.PI / 2;
    return [middle + far * Math.cos(angle), middle + far * Math.sin(angle)];
  };
  const told = cycle.slice(1).map((at, k) => `${cycle[k] + 1} before ${at + 1}, ${Math.round(100 * P[cycle[k]][at])} of 100`);
  const figure = shape("svg", { viewBox: "0 0 220 220", role: "img", "aria-label": `A circle: ${told.join("; ")}` });
  const heavy = new Set(cycle.slice(1).map((at, k) => `${cycle[k]} ${at}`));
  for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) {
    if (P[i][j] > 0.5) figure.append(arrow(place(i), place(j), near, heavy.has(`${i} ${j}`) ? "heavy" : "light"));
  }
  for (let at = 0; at < K; at++) {
    const [x, y] = place(at);
    figure.append(shape("circle", { cx: x, cy: y, r: near }), shape("text", { x, y: y + 5 }, `${at + 1}`));
  }
  return figure;
}

function arrow([x, y], [u, v], near, kind) {
  const length = Math.hypot(u - x, v - y), a = (u - x) / length, b = (v - y) / length;
  const [tip, back] = [length - near - 2, length - near - 12];
  const at = (along, aside) => `${(x + along * a - aside * b).toFixed(1)} ${(y + along * b + aside * a).toFixed(1)}`;
  const group = shape("g", { class: kind });
  group.append(
    shape("path", { d: `M${at(near, 0)}L${at(back, 0)}`, class: "line" }),
    shape("path", { d: `M${at(tip, 0)}L${at(back, 5)}L${at(back, -5)}Z`, class: "tip" }),
  );
  return group;
}
