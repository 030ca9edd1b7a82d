// Lists who voted and how, and where opinion changed; lets a person be forgotten. All text is put in as text.
"use strict";

const when = (seconds) => new Date(1000 * seconds).toLocaleString();
const part = (text, more = {}) => element("td", text, more);

function person(one) {
  const row = document.createElement("tr"), last = part("");
  const forget = element("button", "Forget", { type: "button" });
  forget.setAttribute("aria-label", `Forget ${one.who}`);
  forget.addEventListener("click", async () => {
    if (!confirm(`Take all ${count(one.votes, "vote")} of ${one.who} out of the store?`)) return;
    try {
      const { rows } = await ask("v1/forget", { who: one.who });
      await show();
      $("message").textContent = `${count(rows, "vote")} taken out.`;
    } catch (error) { $("message").textContent = error.message; }
  });
  last.append(forget);
  row.append(
    element("th", one.who, { scope: "row" }), part(String(one.votes)),
    part(one.compared ? `${one.agreed} of ${one.compared}` : "–"),
    part(one.accuracy === undefined ? "–" : `${Math.round(100 * one.accuracy)} %`),
    part(when(one.first)), part(when(one.last)),
    part(one.at_random ? "seems to click at random" : "", { className: "warning" }), last,
  );
  return row;
}

async function show() {
  try {
    const { people, changed } = await ask("v1/watch");
    $("people").replaceChildren(...people.map(person));
    const items = changed.map((one) => element("li", `${one.prompt} (since ${when(one.since)})`));
    $("changed").replaceChildren(...(items.length ? items : [element("li", "Of no question, as far as can be told.")]));
  } catch (error) { $("message").textContent = error.message; }
}
show();
