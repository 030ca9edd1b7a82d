// Asks for the next question, sends votes, and shows what people think. All text is put in as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const voter = localStorage.getItem("polypref-voter") || crypto.getRandomValues(new Uint32Array(4)).join("-");
localStorage.setItem("polypref-voter", voter);
let question = null, ranked = [], last = null, listening = null, busy = false;

function element(kind, text, more = {}) {
  const made = document.createElement(kind);
  made.textContent = text;
  return Object.assign(made, more);
}

function button(text, action, main = false) {
  const made = element("button", text, { type: "button", className: main ? "main" : "" });
  made.addEventListener("click", action);
  return made;
}

async function ask(path, body) {
  const settings = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, settings);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

const mode = () => document.querySelector("input[name=mode]:checked").value;

async function next() {
  try {
    question = await ask(`v1/next?voter=${encodeURIComponent(voter)}`);
    show();
  } catch (error) { say(error.message); }
}

function say(text) { $("message").textContent = text; }

function show() {
  const { progress } = question;
  $("progress").textContent = `${progress.done} answered, ${progress.items} questions in all`;
  $("answers").replaceChildren();
  $("actions").replaceChildren();
  ranked = [];
  if (question.item === null) {
    $("prompt").textContent = "There is nothing left to ask. Thank you.";
    return;
  }
  $("prompt").textContent = question.prompt;
  ({ pair: showPair, rank: showAll, rate: showAll })[mode()]();
  $("question").focus();
}

function answer(at, name) {
  const box = element("article", "", { className: "answer" });
  box.append(element("h3", name), element("p", question.responses[at], { className: "text" }));
  $("answers").append(box);
  return box;
}

function showPair() {
  const { i, j } = question;
  answer(i, "First").append(button("The first is better", () => compare(1), true));
  answer(j, "Second").append(button("The second is better", () => compare(0), true));
  $("actions").append(button("Both alike", () => compare(0.5)), ...leave());
}

function leave() {
  return [
    button("Cannot say", () => send("abstention", { i: question.i, j: question.j, reason: "cannot say" })),
    button("Skip", () => send("abstention", { i: question.i, j: question.j, reason: "skipped" })),
  ];
}

const compare = (p) => send("comparison", { i: question.i, j: question.j, p });

function showAll() {
  const rating = mode() === "rate";
  if (rating && !question.scale.length) say("This question has no scale: compare or rank its answers instead.");
  question.responses.forEach((_, at) => {
    const box = answer(at, `Answer ${at + 1}`);
    if (rating) {
      for (const label of question.scale) box.append(button(String(label), () => send("rating", { i: at, label }, false)));
    } else {
      const place = button("Next best", () => {
        if (ranked.includes(at)) return;
        ranked.push(at);
        place.textContent = `Place ${ranked.length}`;
        if (ranked.length === question.responses.length) send("ranking", { order: ranked });
      }, true);
      box.append(place);
    }
  });
  const done = () => send("abstention", { reason: "rated" });  // the whole question is answered
  $("actions").append(button(rating ? "Next question" : "Begin again", rating ? done : show), ...leave());
}

async function send(kind, body, onwards = true) {
  if (busy) return;
  busy = true;
  const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
  const item = question.item, responses = question.responses;
  try {
    let told;
    for (let tries = 0; ; tries++) {  // the key keeps a vote that is sent again from counting twice
      try { told = await ask("v1/votes", { item, kind, body, voter, key }); break; } catch (error) {
        if (!(error instanceof TypeError) || tries === 4) throw error;
        await new Promise((wait) => setTimeout(wait, 500 * 2 ** tries));
      }
    }
    last = { id: told.id, item };
    say(kind === "abstention" ? "Noted." : "Your vote is kept.");
    opinion(responses, told.opinion);
    listen(item, responses);
    if (onwards) await next();
  } catch (error) { say(error.message); } finally { busy = false; }
}

function listen(item, responses) {
  if (listening) listening.close();
  listening = new EventSource(`v1/items/${encodeURIComponent(item)}/events`);
  listening.onmessage = (event) => opinion(responses, JSON.parse(event.data).opinion);
}

function opinion(responses, told) {
  const P = told.preferences, K = P.length;
  $("opinion").hidden = false;
  const head = document.createElement("tr");
  head.append(element("td", ""), ...responses.map((_, at) => element("th", `${at + 1}`, { scope: "col" })));
  $("columns").replaceChildren(head);
  $("rows").replaceChildren(...P.map((row, i) => {
    const line = document.createElement("tr");
    line.append(element("th", `${i + 1}`, { scope: "row", title: responses[i] }));
    row.forEach((p, j) => line.append(element("td", i === j ? "–" : String(Math.round(100 * p)))));
    return line;
  }));
  const agreement = [];
  for (let i = 0; i < K; i++) for (let j = i + 1; j < K; j++) agreement.push(Math.max(P[i][j], 1 - P[i][j]));
  const mean = Math.round(100 * agreement.reduce((sum, one) => sum + one, 0) / agreement.length);
  const cycle = circle(P);
  const circles = cycle ? ` Preferences run in a circle: ${cycle.map((at) => at + 1).join(" before ")}.` : "";
  $("summary").textContent = `${told.votes} votes; on a pair, ${mean} of 100 agree.${circles}`;
}

function circle(P) {
  const K = P.length, beats = (i, j) => P[i][j] > 0.5;
  for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) for (let k = 0; k < K; k++) {
    if (beats(i, j) && beats(j, k) && beats(k, i)) return [i, j, k, i];
  }
  return null;
}

$("undo").addEventListener("click", async () => {
  if (!last) { say("There is no vote to take back."); return; }
  try {
    await ask("v1/votes", { item: last.item, kind: "withdrawal", voter, replaces: last.id });
    last = null;
    say("Your vote is taken back.");
  } catch (error) { say(error.message); }
});
document.querySelectorAll("input[name=mode]").forEach((one) => one.addEventListener("change", show));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !question || question.item === null) return;
  const abstain = (reason) => send("abstention", { i: question.i, j: question.j, reason });
  if (mode() === "pair" && { 1: 1, 2: 1, 0: 1 }[event.key]) compare({ 1: 1, 2: 0, 0: 0.5 }[event.key]);
  else if (event.key === "c") abstain("cannot say");
  else if (event.key === "s") abstain("skipped");
});
next();
