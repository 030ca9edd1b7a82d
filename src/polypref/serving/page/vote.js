// Asks for the next question and sends votes. All text is put in as text, never as markup.
"use strict";

const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
const voter = localStorage.getItem("polypref-voter") || random();
localStorage.setItem("polypref-voter", voter);
let question = null, pair = null, ranked = [], rated = {}, last = null, listening = null, busy = false;

function button(text, action, more = {}) {
  const made = element("button", text, { type: "button", ...more });
  made.addEventListener("click", action);
  return made;
}

const mode = () => document.querySelector("input[name=mode]:checked").value;
const say = (text) => { $("message").textContent = text; };

async function next() {
  try {
    question = await ask(`v1/next?voter=${encodeURIComponent(voter)}`);
    const { done, pairs, items } = question.progress;
    $("progress").textContent = `${done} of ${count(pairs, "comparison")} on ${count(items, "question")}`;
    $("bar").max = Math.max(1, pairs);
    $("bar").value = done;
    begin();
  } catch (error) { say(error.message); }
}

function begin() {
  pair = Math.random() < 0.5 ? [question.i, question.j] : [question.j, question.i];  // neither place is favoured
  rated = {};
  show();
  $("question").focus();
}

function show() {
  $("answers").replaceChildren();
  $("actions").replaceChildren();
  ranked = [];
  const over = !question || question.item === null;
  $("keys").textContent = over ? "" : {
    pair: "Keys: 1 the first, 2 the second, 0 both alike, c cannot say, s skip.",
    rank: "Keys: the number of an answer puts it next, c cannot say, s skip.",
    rate: "Keys: Tab leads from label to label, c cannot say, s skip.",
  }[mode()];
  if (over) {
    $("prompt").textContent = question ? "There is nothing left to ask. Thank you." : "";
    return;
  }
  $("prompt").textContent = question.prompt;
  ({ pair: showPair, rank: showRanking, rate: showRatings })[mode()]();
}

function answer(at, name) {
  const box = element("article", "", { className: "answer" });
  box.setAttribute("aria-label", name);
  box.append(element("h3", name), element("p", question.responses[at], { className: "text" }));
  $("answers").append(box);
  return box;
}

function showPair() {
  answer(pair[0], "First").append(button("The first is better", () => compare(1), { className: "main" }));
  answer(pair[1], "Second").append(button("The second is better", () => compare(0), { className: "main" }));
  $("actions").append(button("Both alike", () => compare(0.5)), ...leave());
}

const compare = (p) => send("comparison", { i: pair[0], j: pair[1], p });
const abstain = (reason) => {  // on the pair, or on the whole question
  const place = mode() === "pair" ? { i: question.i, j: question.j } : {};
  return send("abstention", { ...place, reason });
};
const leave = () => [button("Cannot say", () => abstain("cannot say")), button("Skip", () => abstain("skipped"))];

function showRanking() {
  question.responses.forEach((_, at) => {
    answer(at, `Answer ${at + 1}`).append(button("Next best", () => put(at), { className: "main place" }));
  });
  $("actions").append(button("Begin again", show), ...leave());
}

function put(at) {
  const place = document.querySelectorAll(".place")[at];
  if (!place || ranked.includes(at)) return;
  ranked.push(at);
  place.textContent = `Place ${ranked.length}`;
  place.setAttribute("aria-pressed", "true");
  say(`Answer ${at + 1} has place ${ranked.length}.`);
  if (ranked.length === question.responses.length) send("ranking", { order: ranked });
}

function showRatings() {
  if (!question.scale.length) say("This question has no scale: compare or rank its answers instead.");
  question.responses.forEach((_, at) => {
    const labels = element("div", "", { className: "labels" });
    labels.setAttribute("role", "group");
    labels.setAttribute("aria-label", `Rate answer ${at + 1}`);
    for (const label of question.scale) {
      const one = button(String(label), () => rate(at, label, labels, one));
      one.setAttribute("aria-pressed", String(rated[at] !== undefined && rated[at].label === label));
      labels.append(one);
    }
    answer(at, `Answer ${at + 1}`).append(labels);
  });
  $("actions").append(button("Next question", () => abstain("rated"), { className: "main" }), ...leave());
}

async function rate(at, label, labels, pressed) {
  const before = rated[at];  // another label corrects the first
  const kept = await send("rating", { i: at, label }, { onwards: false, replaces: before && before.id });
  if (!kept) return;
  rated[at] = { id: kept.id, label };
  for (const one of labels.children) one.setAttribute("aria-pressed", String(one === pressed));
}

async function send(kind, body, { onwards = true, replaces = null } = {}) {
  if (busy) return null;
  busy = true;
  const asked = question, key = random();
  const vote = { item: asked.item, kind, body, voter, key, replaces };
  try {
    let told;
    for (let tries = 0; ; tries++) {  // the key keeps a vote that is sent again from counting twice
      try { told = await ask("v1/votes", vote); break; } catch (error) {
        if (!(error instanceof TypeError) || tries === 4) throw error;
        await new Promise((wait) => setTimeout(wait, 500 * 2 ** tries));
      }
    }
    last = { id: told.id, asked };
    $("undo").hidden = kind === "abstention";
    say(kind === "abstention" ? "Noted." : "Your vote is kept.");
    opinion(asked.prompt, asked.responses, told.opinion);
    listen(asked);
    if (onwards) await next();
    return told;
  } catch (error) {
    say(error.message);
    return null;
  } finally { busy = false; }
}

function listen({ item, prompt, responses }) {
  if (listening) listening.close();
  listening = new EventSource(`v1/items/${encodeURIComponent(item)}/events`);
  listening.onmessage = (event) => opinion(prompt, responses, JSON.parse(event.data).opinion);
}

$("undo").addEventListener("click", async () => {
  if (!last || busy) return;
  const { id, asked } = last;
  try {
    const told = await ask("v1/votes", { item: asked.item, kind: "withdrawal", voter, replaces: id });
    last = null;
    $("undo").hidden = true;
    opinion(asked.prompt, asked.responses, told.opinion);
    question = asked;
    begin();
    say("Your vote is taken back, and the question is asked again.");
  } catch (error) { say(error.message); }
});
document.querySelectorAll("input[name=mode]").forEach((one) => one.addEventListener("change", show));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !question || question.item === null) return;
  const { key } = event;
  if (key === "c") abstain("cannot say");
  else if (key === "s") abstain("skipped");
  else if (mode() === "pair" && "120".includes(key)) compare({ 1: 1, 2: 0, 0: 0.5 }[key]);
  else if (mode() === "rank" && /^[1-9]$/.test(key)) put(Number(key) - 1);
});
next();
