"use strict";
// The rating page's behaviour. In: the JSON in #data and the address's parameters. Out:
// CSV rows, downloaded or posted. Every answer is kept in localStorage as it is given.
(() => {
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const parameters = new URLSearchParams(location.search);
const SCALES = ["valence", "arousal"];
const COLUMNS = ["worker", "image", "valence", "arousal", "seconds", "shown_at"];
const NAMES_KEY = `emojax.rating.${data.digest}`;
const views = ["start", "rate", "end", "gone"];

let worker = "";
let order = []; // indices of data.pictures, as this worker gets them
let state = fresh();
let turn = "valence"; // the scale that the next digit is for
let isLoaded = false; // the current picture can be seen
let isLeaving = false; // by handing in

// What is kept.

function fresh() {
  return { at: 0, answers: {}, handed: false };
}

let canKeep = (() => {
  try { // browsers that forbid storage throw already when it is named
    localStorage.setItem(NAMES_KEY + ".try", "1");
    localStorage.removeItem(NAMES_KEY + ".try");
    return true;
  } catch {
    return false;
  }
})();

function keyOf(name) {
  return `${NAMES_KEY}.${name}`;
}

function keep() {
  if (!canKeep) return;
  try {
    localStorage.setItem(keyOf(worker), JSON.stringify(state));
    localStorage.setItem(NAMES_KEY, worker);
  } catch { // full, or forbidden in the meantime
    canKeep = false;
    byId("unkept-now").hidden = false;
  }
}

function recordOf(name) {
  if (!canKeep || !name) return null;
  try {
    const record = JSON.parse(localStorage.getItem(keyOf(name)));
    return record && record.answers ? record : null;
  } catch {
    return null;
  }
}

function forget() {
  if (canKeep) {
    localStorage.removeItem(keyOf(worker));
    localStorage.removeItem(NAMES_KEY);
  }
  state = fresh();
  isLeaving = true;
  show("gone");
}

// Which pictures, in which order.

// 32 random bits per call: a Weyl sequence through MurmurHash3's finalizer, started from
// the FNV-1a hash of the text. The same text gives the same numbers in every browser.
function randomOf(text) {
  let bits = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    bits = Math.imul(bits ^ byte, 0x01000193);
  }
  return () => {
    bits = (bits + 0x9e3779b9) | 0;
    let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

function orderOf(name) {
  const random = randomOf(`${data.digest}\n${name}`);
  const all = data.pictures.map((_, index) => index);
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor((random() / 2 ** 32) * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all.slice(0, data.most);
}

function isRated(index) {
  const answer = state.answers[index];
  return Boolean(answer && answer.valence && answer.arousal);
}

function rated() {
  return order.filter(isRated);
}

// How long a picture was looked at: a stopwatch that stands still in a hidden tab.

const clock = { milliseconds: 0, since: null };

function startClock(seconds) {
  clock.milliseconds = seconds * 1000;
  clock.since = document.hidden ? null : performance.now();
}

function stopClock() {
  clock.milliseconds = readClock() * 1000;
  clock.since = null;
}

function readClock() {
  const running = clock.since === null ? 0 : performance.now() - clock.since;
  return (clock.milliseconds + running) / 1000;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopClock();
  else if (isLoaded && clock.since === null) clock.since = performance.now();
});

// Views.

function show(name) {
  for (const view of views) byId(view).hidden = view !== name;
  window.scrollTo(0, 0);
  byId(name).querySelector("h1").focus({ preventScroll: true });
}

function showStart() {
  const parameter = clean(parameters.get(data.workerParameter) || "");
  const last = canKeep ? localStorage.getItem(NAMES_KEY) || "" : "";
  byId("worker").value = parameter || last;
  byId("ask").hidden = Boolean(parameter);
  byId("known").hidden = !parameter;
  byId("known-worker").textContent = parameter;
  byId("unkept").hidden = canKeep;
  // Mechanical Turk shows the page like this before a worker has accepted.
  const isPreview = parameters.get("assignmentId") === "ASSIGNMENT_ID_NOT_AVAILABLE";
  byId("preview").hidden = !isPreview;
  byId("begin").disabled = isPreview;
  tellResumed();
  for (const view of views) byId(view).hidden = view !== "start";
}

function tellResumed() {
  const name = clean(byId("worker").value);
  const record = recordOf(name);
  let text = "";
  if (record) {
    const number = orderOf(name).filter((index) => {
      const answer = record.answers[index];
      return answer && answer.valence && answer.arousal;
    }).length;
    text = `${number} of ${orderOf(name).length} rated so far. ` +
      "You go on where you stopped.";
  }
  byId("resumed").textContent = text;
  byId("begin").textContent = record ? "Go on" : "I have read this and want to start";
}

function clean(text) {
  return text.replace(/[\s\u0000-\u001f]+/g, " ").trim().slice(0, 100);
}

function begin(event) {
  event.preventDefault();
  const name = clean(byId("worker").value);
  if (!name) {
    byId("worker-problem").textContent = "Type your name or worker ID first.";
    byId("worker").focus();
    return;
  }
  byId("worker-problem").textContent = "";
  worker = name;
  order = orderOf(worker);
  state = recordOf(worker) || fresh();
  keep();
  showPlace(state.at);
}

function showPlace(at) {
  state.at = Math.min(Math.max(at, 0), order.length);
  keep();
  if (state.at === order.length) {
    showEnd();
    return;
  }
  const index = order[state.at];
  showPrevious();
  const number = rated().length;
  byId("place").textContent = `Picture ${state.at + 1} of ${order.length}`;
  byId("progress").max = order.length;
  byId("progress").value = number;
  byId("said").textContent = `${number} of ${order.length} rated.` + previousWords();
  byId("problem").textContent = "";
  byId("back").disabled = state.at === 0;
  byId("answer").reset();
  const answer = state.answers[index] || {};
  for (const scale of SCALES) {
    if (answer[scale]) radio(scale, answer[scale]).checked = true;
  }
  setTurn(SCALES.find((scale) => !answer[scale]) || SCALES[0]);
  load(index);
  show("rate");
}

function previousIndex() {
  return order.slice(0, state.at).reverse().find(isRated);
}

function previousWords() {
  const index = previousIndex();
  if (index === undefined) return "";
  const { valence, arousal } = state.answers[index];
  return ` Previous picture: valence ${valence}, arousal ${arousal}.`;
}

function showPrevious() {
  const index = previousIndex();
  byId("no-previous").hidden = index !== undefined;
  byId("previous").hidden = index === undefined;
  if (index === undefined) return;
  byId("previous-picture").src = data.pictures[index][1];
  for (const scale of SCALES) {
    const value = state.answers[index][scale];
    byId(`previous-${scale}`).textContent = value;
    byId(`previous-${scale}-figure`).setAttribute("href", `#${scale}-${value}`);
  }
}

// The current picture.

function load(index) {
  const [, source, width, height] = data.pictures[index];
  const picture = byId("current");
  setLoaded(false);
  byId("failed").hidden = true;
  picture.alt = `Picture ${state.at + 1}, to be rated`;
  picture.width = width;
  picture.height = height;
  picture.src = source;
}

function setLoaded(now) {
  isLoaded = now;
  if (!now) stopClock();
  byId("current").hidden = !now;
  for (const scale of SCALES) byId(scale).disabled = !now;
}

byId("current").addEventListener("load", () => {
  const index = order[state.at];
  if (index === undefined) return;
  const answer = state.answers[index] || (state.answers[index] = {});
  answer.shown_at = answer.shown_at || new Date().toISOString();
  setLoaded(true);
  startClock(answer.seconds || 0);
  keep();
  const next = data.pictures[order[state.at + 1]];
  if (next) new Image().src = next[1]; // so that it is there when its turn comes
});
byId("current").addEventListener("error", () => {
  byId("failed").hidden = false;
});
byId("again").addEventListener("click", () => load(order[state.at]));
byId("leave-out").addEventListener("click", () => showPlace(state.at + 1));

// Answers.

function radio(scale, value) {
  return document.querySelector(`input[name="${scale}"][value="${value}"]`);
}

function setTurn(scale) {
  turn = scale;
  const answer = state.answers[order[state.at]] || {};
  const isOpen = SCALES.some((name) => !answer[name]);
  for (const name of SCALES) {
    byId(name).classList.toggle("turn", isOpen && name === scale);
  }
}

function choose(scale, value) {
  const answer = state.answers[order[state.at]];
  answer[scale] = value;
  answer.seconds = Math.round(readClock() * 100) / 100;
  state.handed = false;
  keep();
  byId("problem").textContent = "";
  setTurn(SCALES[(SCALES.indexOf(scale) + 1) % SCALES.length]);
}

byId("answer").addEventListener("change", (event) => {
  choose(event.target.name, Number(event.target.value));
});
byId("answer").addEventListener("focusin", (event) => {
  if (SCALES.includes(event.target.name)) setTurn(event.target.name);
});
byId("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!isLoaded) return;
  const answer = state.answers[order[state.at]] || {};
  const missing = SCALES.find((scale) => !answer[scale]);
  if (missing) {
    byId("problem").textContent = `Choose a value for ${missing} first.`;
    setTurn(missing);
    return;
  }
  showPlace(state.at + 1);
});
byId("back").addEventListener("click", () => showPlace(state.at - 1));
byId("stop").addEventListener("click", () => showEnd());

document.addEventListener("keydown", (event) => {
  const isCommand = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
  // A key held down must not answer both scales or go on.
  if (byId("rate").hidden || isCommand || event.repeat) return;
  if (/^[1-9]$/.test(event.key) && isLoaded) {
    event.preventDefault();
    const scale = turn;
    const chosen = radio(scale, event.key);
    chosen.checked = true;
    chosen.focus({ preventScroll: true });
    choose(scale, Number(event.key));
  } else if (event.key === "Enter" && !event.target.closest("button, input")) {
    event.preventDefault();
    byId("answer").requestSubmit();
  }
});

// Handing in.

// As in utils/files.py: a ' before what a spreadsheet would run; readers take it off.
function guarded(cell) {
  const isFormula =
    /^'*[\s\0-\x1f\x7f-\xa0\u200b-\u200f\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u;
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
  return isFormula.test(cell) && !isNumber.test(cell) ? `'${cell}` : cell;
}

function csv() {
  const quoted = (cell) => {
    const text = guarded(String(cell));
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = rated().map((index) => {
    const { valence, arousal, seconds, shown_at } = state.answers[index];
    return [worker, data.pictures[index][0], valence, arousal, seconds, shown_at];
  });
  return [COLUMNS, ...rows].map((row) => row.map(quoted).join(",") + "\n").join("");
}

function showEnd() {
  setLoaded(false);
  const number = rated().length;
  const isWhole = number === order.length;
  byId("end-title").textContent = isWhole ? "All done, thank you" : "Thank you";
  byId("end-number").textContent = `You rated ${number} of ${order.length} pictures.` +
    (isWhole ? "" : " You can hand in what you have, or go back and rate more.");
  byId("download").disabled = number === 0;
  if (byId("hand-in")) byId("hand-in").disabled = number === 0;
  byId("saved").textContent = "";
  byId("text").value = csv();
  byId("confirm").hidden = !state.handed;
  show("end");
}

function setHanded() {
  state.handed = true;
  keep();
  byId("confirm").hidden = false;
}

byId("download").addEventListener("click", () => {
  const file = new Blob([csv()], { type: "text/csv;charset=utf-8" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `ratings-${worker.replace(/[^\p{L}\p{N}_-]+/gu, "_")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  byId("saved").textContent =
    `${link.download} should be in your downloads now. Your answers stay here as well.`;
  setHanded();
});
if (byId("post")) {
  byId("post").addEventListener("submit", () => {
    const form = byId("post");
    form.querySelectorAll("input").forEach((old) => old.remove());
    const values = { [data.workerParameter]: worker, ratings: csv() };
    for (const name of data.postFields) {
      if (parameters.has(name)) values[name] = parameters.get(name);
    }
    for (const [name, value] of Object.entries(values)) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      form.append(field);
    }
    isLeaving = true;
    setHanded();
  });
}
byId("return").addEventListener("click", () => {
  showPlace(Math.min(state.at, order.length - 1));
});
byId("forget").addEventListener("click", forget);
byId("enter").addEventListener("submit", begin);
byId("worker").addEventListener("input", tellResumed);

// A second tab with the same page and worker: what is answered there counts here.
window.addEventListener("storage", (event) => {
  if (!worker || event.key !== keyOf(worker)) return;
  const record = recordOf(worker);
  if (!record) return;
  state = record;
  if (!byId("rate").hidden) showPlace(state.at);
  else if (!byId("end").hidden) showEnd();
});
window.addEventListener("beforeunload", (event) => {
  if (!canKeep && !isLeaving && !state.handed && rated().length) event.preventDefault();
});
window.addEventListener("pageshow", () => {
  isLeaving = false;
});

showStart();
})();
