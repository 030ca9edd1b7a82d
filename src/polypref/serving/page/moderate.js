// Lists who voted, and lets a person be forgotten. All text is put in as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);

async function ask(path, body) {
  const settings = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, settings);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}

async function show() {
  try {
    const people = await ask("v1/people");
    const when = (seconds) => new Date(1000 * seconds).toLocaleString();
    $("people").replaceChildren(...people.map((one) => {
      const row = document.createElement("tr"), forget = document.createElement("button"), last = cell("");
      forget.type = "button";
      forget.textContent = "Forget";
      forget.addEventListener("click", async () => {
        if (!confirm(`Take all ${one.votes} votes of ${one.who} out of the store?`)) return;
        const { rows } = await ask("v1/forget", { who: one.who });
        $("message").textContent = `${rows} votes are gone.`;
        await show();
      });
      last.append(forget);
      row.append(cell(one.who), cell(String(one.votes)), cell(when(one.first)), cell(when(one.last)), last);
      return row;
    }));
  } catch (error) { $("message").textContent = error.message; }
}
show();
