// What both pages use: elements, requests, words.
"use strict";

const $ = (id) => document.getElementById(id);

function element(kind, text, more = {}) {
  const made = document.createElement(kind);
  made.textContent = text;
  return Object.assign(made, more);
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

const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
