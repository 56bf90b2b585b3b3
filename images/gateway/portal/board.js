// The instructor's board: follows the events of the class, and shows the class, or one student.
// Whatever a stack has said becomes text of the page, never markup.
"use strict";

const board = document.getElementById("board");
const student = board.dataset.student;
const language = document.documentElement.lang;
const texts = JSON.parse(board.dataset.texts);
const SVG = "http://www.w3.org/2000/svg";
const LEVELS = ["help", "watch", "fine", "off"];
const SIGNS = { help: "▲", watch: "◆", fine: "✓", off: "–", none: "…" };

let about = null; // what stays the same: lessons, and each student's pages
let fed = null; // whether a board feeds the page; null where nobody has said so
let connected = false;
const states = new Map(); // name -> { said, until: by this browser's clock, when it was true }

const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

function t(key, said = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => said[name] ?? whole);
}

// An element with attributes and children; a text is a text.
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function draw(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// What the control machine's clock says now, as far as this student's state tells.
function now(one) {
  return one.said.now + (performance.now() - one.at) / 1000;
}

function parts(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const units = [["d", 86400, "day"], ["h", 3600, "hour"], ["m", 60, "minute"], ["s", 1, "second"]];
  const [unit, size, name] = units.find((one) => whole >= one[1]) ?? units[3];
  return { unit, name, n: Math.floor(whole / size) };
}

function ago(seconds) {
  const { unit, n } = parts(seconds);
  return t(`age.${unit}`, { n });
}

function span(seconds) {
  const { name, n } = parts(seconds);
  return new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" }).format(n);
}

// A name that the browser renews the text of each second: how long ago something was.
function age(one, at) {
  const made = make("span", { class: "age", "data-at": at }, ago(now(one) - at));
  made.one = one;
  return made;
}

function sign(level) {
  return make("span", { class: `sign ${level}` }, make("span", { "aria-hidden": "true" }, SIGNS[level]), make("span", { class: "said" }, t(`board.level.${level}`)));
}

// Used and most, in MB: a bar, and the numbers in words.
function amount(title, pair) {
  if (!pair) return null;
  const [used, most] = pair;
  const words = t(most ? "board.mb" : "board.mb.free", { used: number.format(used), most: number.format(most) });
  const share = most ? Math.min(1, used / most) : 0;
  const bar = draw("svg", { class: `bar ${share >= 0.9 ? "full" : ""}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "all", width: 100, height: 6 }), draw("rect", { class: "used", width: 100 * share, height: 6 }));
  const short = most ? `${Math.round((100 * used) / most)} %` : words;
  return make("span", { class: "amount", title: `${title}: ${words}` }, make("span", { class: "of" }, title), " ", make("span", { "aria-hidden": "true" }, short), make("span", { class: "said" }, words), most ? bar : null);
}

// The nodes' memory, whose limits nobody comes near together.
function memory(said) {
  return said.memory_mb && make("span", { class: "amount", title: t("board.memory") }, make("span", { class: "of" }, t("board.memory"), " "), t("board.mb.free", { used: number.format(said.memory_mb[0]) }));
}

// The lag of a stream over the last looks; where it reads no topic, the rows that came in.
function sparkline(stream, width, height) {
  const column = stream.history.some((look) => look[1] !== null) ? 1 : 2;
  const points = stream.history.filter((look) => look[column] !== null).map((look) => [look[0], look[column]]);
  if (points.length < 2) return null;
  const most = Math.max(...points.map((point) => point[1]), 1);
  const begin = points[0][0], length = Math.max(points[points.length - 1][0] - begin, 1);
  const line = points.map(([at, value]) => `${(((at - begin) / length) * (width - 4) + 2).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`);
  const words = t("board.trend", { from: number.format(points[0][1]), to: number.format(points[points.length - 1][1]), most: number.format(most) });
  return draw("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": column === 1 ? words : t("board.in") },
    draw("polyline", { points: line.join(" ") }), draw("circle", { cx: line[line.length - 1].split(",")[0], cy: line[line.length - 1].split(",")[1], r: 2 }));
}

function lagOf(stream) {
  return stream.lag === null ? t("board.lag.none") : t("board.lag", { n: number.format(stream.lag) });
}

function need(one, reason) {
  const said = {}, shown = new Map();
  for (const [key, value] of Object.entries(reason.said)) {
    said[key] = typeof value === "number" && !key.endsWith("_since") ? number.format(value) : `{${key}}`;
    shown.set(`{${key}}`, key.endsWith("_since") ? () => age(one, value) : () => String(value));
  }
  // What was said is put in after the text has been cut at its places: it may look like a place itself.
  const words = t(`board.need.${reason.code}`, said).split(/(\{\w+\})/);
  return make("span", { class: `need ${reason.level}` }, words.map((word) => (shown.has(word) ? shown.get(word)() : word)));
}

// What is known of a lesson: the newest check of it or of its exercise, else the job that was submitted most often.
function ofLesson(said, lesson) {
  const known = said.jobs.filter((job) => job.lesson === lesson);
  return known.sort((a, b) => b.at - a.at || b.attempts - a.attempts)[0] ?? null;
}

function lessonCell(one, lesson) {
  const job = one ? ofLesson(one.said, lesson.name) : null;
  const label = make("span", { class: "of" }, shortName(lesson.name));
  if (!job) return make("td", { class: "lesson none", role: "cell" }, label, make("span", { "aria-hidden": "true" }, "·"));
  const passed = job.of > 0 && job.right === job.of;
  const said = { ...job, age: ago(now(one) - job.at) };
  const words = t(job.of ? "board.check" : "board.check.none", said);
  const result = job.of ? `${passed ? "✓" : "✗"} ${job.right}/${job.of}` : "–";
  const when = job.of ? age(one, job.at) : "";
  return make("td", { class: `lesson ${job.of ? (passed ? "right" : "wrong") : "open"}`, role: "cell", title: words },
    label, make("span", { class: "result", "aria-hidden": "true" }, result), make("span", { class: "small", "aria-hidden": "true" }, job.attempts ? `${job.attempts}×` : "", job.attempts && job.of ? " · " : "", when), make("span", { class: "said" }, words));
}

function shortName(name) {
  return name.replace(/^lesson0?/, "");
}

// The class

function streamCell(one) {
  const streams = one ? one.said.streams.filter((stream) => !stream.ended) : [];
  const shown = streams.slice(0, 2).map((stream) => make("div", { class: "stream", title: stream.batch === null ? stream.query : `${stream.query}: ${t("board.batch.of", { n: stream.batch })}` },
    sparkline(stream, 72, 18), make("span", { class: stream.error ? "wrong" : "" }, stream.error ? `✗ ${stream.query}` : `${lagOf(stream)} · ${t("board.rate", { n: number.format(stream.processed_rows_per_second) })}`)));
  if (streams.length > 2) shown.push(make("div", { class: "small" }, t("board.more", { n: streams.length - 2 })));
  return make("td", { class: `streams ${shown.length ? "" : "none"}`, role: "cell" }, shown);
}

function row(name) {
  const one = states.get(name);
  const level = one ? one.said.level : "none";
  const link = make("a", { href: `/board/students/${name}` }, name);
  const reasons = one ? one.said.needs.slice(0, 2).map((reason) => need(one, reason)) : [];
  if (one && texts[`board.state.${one.said.state}`]) reasons.push(make("span", { class: "need" }, t(`board.state.${one.said.state}`)));
  if (one && one.said.needs.length > 2) reasons.push(make("span", { class: "need small" }, t("board.more", { n: one.said.needs.length - 2 })));
  const made = make("tr", { role: "row", class: level, "data-name": name },
    make("th", { scope: "row", role: "rowheader", class: "student" }, make("span", { class: "name" }, sign(level), link), reasons),
    about.lessons.map((lesson) => lessonCell(one, lesson)),
    streamCell(one),
    make("td", { class: "amounts", role: "cell" }, one ? [memory(one.said), amount("YARN", one.said.yarn_mb)] : null),
    make("td", { class: "amounts", role: "cell" }, one ? [amount(t("board.disk"), one.said.disk_mb), amount("HDFS", one.said.hdfs_mb)] : null),
    make("td", { class: "asked", role: "cell" }, one ? age(one, one.said.now) : "–"));
  return made;
}

function order(a, b) {
  const level = (name) => (states.has(name) ? LEVELS.indexOf(states.get(name).said.level) : LEVELS.indexOf("fine"));
  return level(a) - level(b) || a.localeCompare(b);
}

function heading(title, kind = "", whole = "") {
  return make("th", { scope: "col", role: "columnheader", class: kind, title: whole || null }, title);
}

function classTable() {
  const head = make("tr", { role: "row" }, heading(t("board.student"), "student"),
    about.lessons.map((lesson) => heading(shortName(lesson.name), "lesson", lesson.title)),
    heading(t("board.streams")), heading(t("board.memory")), heading(t("board.disk")), heading(t("board.asked"), "asked"));
  return make("table", { role: "table", class: "class" }, make("thead", { role: "rowgroup" }, head), make("tbody", { role: "rowgroup" }));
}

function showClass() {
  const table = board.querySelector("table.class") ?? board.appendChild(classTable());
  const body = table.tBodies[0], focused = document.activeElement?.closest("tr")?.dataset.name;
  body.replaceChildren(...Object.keys(about.students).sort(order).map(row));
  // Names are letters and digits.
  if (focused) body.querySelector(`tr[data-name="${focused}"] a`)?.focus();
}

function summary() {
  const names = about ? Object.keys(about.students) : [];
  const levels = names.map((name) => states.get(name)?.said.level ?? "none");
  const counts = [...LEVELS, "none"].map((level) => [level, levels.filter((one) => one === level).length]).filter(([, count]) => count);
  return [t("board.students", { n: names.length }), ...counts.map(([level, count]) => make("span", { class: "count" }, `${count} `, sign(level)))];
}

// One student

function grid(columns, rows) {
  return make("table", { role: "table", class: "plain" }, make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, columns.map((title) => heading(title)))),
    make("tbody", { role: "rowgroup" }, rows.map((cells) => make("tr", { role: "row" }, cells.map((cell, i) => make("td", { role: "cell", "data-title": columns[i] }, cell))))));
}

function section(title, ...content) {
  return make("section", {}, make("h2", {}, title), content);
}

function showStudent() {
  const one = states.get(student);
  if (!(student in about.students) || !one) {
    return [make("p", {}, t(student in about.students ? "board.asking" : "board.nobody"))];
  }
  const said = one.said, at = (time) => (time ? age(one, time) : "");
  const reasons = said.needs.map((reason) => make("li", {}, sign(reason.level), " ", need(one, reason)));
  const state = texts[`board.state.${said.state}`];
  return [
    make("p", { class: "amounts" }, sign(said.level), state ? ` ${state}` : "", amount(t("board.memory"), said.memory_mb), amount("YARN", said.yarn_mb), amount("HDFS", said.hdfs_mb), amount(t("board.disk"), said.disk_mb), make("span", { class: "hint" }, t("board.asked"), " ", age(one, said.now))),
    section(t("board.needs"), reasons.length ? make("ul", { class: "needs" }, reasons) : make("p", {}, t("board.needs.none"))),
    section(t("board.streams"), said.streams.length ? grid([t("board.query"), t("board.job"), t("board.behind"), t("board.in"), t("board.processed"), t("board.batch"), t("board.watermark"), t("board.kept")], said.streams.map((stream) => [
      stream.query, stream.name,
      [sparkline(stream, 120, 28), " ", lagOf(stream)],
      t("board.rate", { n: number.format(stream.input_rows_per_second) }), t("board.rate", { n: number.format(stream.processed_rows_per_second) }),
      [stream.batch === null ? "–" : `${stream.batch}, `, at(stream.at)],
      stream.watermark_age_s === null ? "–" : t("board.watermark.age", { age: span(stream.watermark_age_s) }),
      stream.state_rows ? t("board.rows", { n: number.format(stream.state_rows), mb: number.format(stream.state_bytes / 1048576) }) : "–",
    ])) : make("p", {}, t("board.streams.none"))),
    section(t("board.jobs"), said.jobs.length ? grid([t("board.job"), t("board.last"), t("board.attempts")], said.jobs.map((job) => [
      [make("strong", {}, job.job), job.lesson !== job.job ? ` ${t("board.job.of", { lesson: job.lesson })}` : ""],
      job.of ? make("span", { class: job.right === job.of ? "right" : "wrong" }, `${job.right === job.of ? "✓" : "✗"} `, t("board.right", { right: job.right, of: job.of, age: ago(now(one) - job.at) })) : "–",
      job.attempts ? t("board.times", { n: job.attempts }) : "–",
    ])) : make("p", {}, t("board.jobs.none")), said.jobs.some((job) => job.of) ? make("p", { class: "hint" }, t("board.word")) : null),
    section(t("applications.title"), said.applications.length ? grid([t("board.job"), t("board.state"), t("board.when"), ""], [...said.applications].reverse().map((app) => [app.name, app.state, at(app.finished || app.started), make("span", { class: "hint" }, app.id)])) : make("p", {}, t("applications.none"))),
    section(t("board.nodes"), grid([t("board.node"), t("board.state"), t("board.memory")], said.nodes.map((node) => [node.name, make("span", { class: node.problem ? "wrong" : "right" }, node.problem ? `✗ ${node.problem}` : `✓ ${t("board.answers")}`), amount("", node.memory_mb)]))),
    about.students[student].length ? section(t("home.pages"), make("ul", { class: "tiles" }, about.students[student].map((page) => make("li", {}, make("a", { href: page.url, rel: "noreferrer" }, page.title))))) : null,
  ].filter(Boolean);
}

// What is shown of the connection itself

function notice() {
  if (!connected) return t("board.lost");
  if (fed === false) return t(about ? "board.stopped" : "board.off");
  return about ? "" : t("board.asking");
}

let waiting = false;
function show() {
  waiting = false;
  document.getElementById("notice").textContent = notice();
  document.getElementById("notice").hidden = !notice();
  if (!about) return;
  if (student) {
    document.getElementById("student").replaceChildren(...showStudent());
  } else {
    document.getElementById("summary").replaceChildren(...summary());
    showClass();
  }
}

// Many students' news come together; they are drawn at once.
function soon() {
  if (!waiting) window.setTimeout(show, 100);
  waiting = true;
}

function take(message) {
  if (message.kind === "feed") fed = message.said;
  if (message.kind === "class") {
    about = message.said;
    board.querySelector("table.class")?.remove();
    for (const name of states.keys()) if (!(name in about.students)) states.delete(name);
  }
  if (message.kind === "student") states.set(message.name, { said: message.said, at: performance.now() - message.age * 1000 });
  soon();
}

function begin() {
  const place = student ? [make("p", {}, make("a", { href: "/board" }, `← ${t("board.back")}`))] : [];
  board.append(...place, make("p", { id: "notice", class: "problem", role: "status" }), student ? make("div", { id: "student" }) : make("p", { id: "summary" }));
  const events = new EventSource("/board/events");
  events.onopen = () => { connected = true; soon(); };
  events.onmessage = (event) => take(JSON.parse(event.data));
  events.onerror = () => {
    connected = false;
    soon();
    if (events.readyState === EventSource.CLOSED) {
      document.getElementById("notice").textContent = t("board.closed");
      document.getElementById("notice").hidden = false;
    }
  };
  window.setInterval(() => {
    for (const made of document.querySelectorAll(".age")) {
      const seconds = now(made.one) - Number(made.dataset.at);
      made.textContent = ago(seconds);
      made.classList.toggle("old", made.parentElement.classList.contains("asked") && seconds > 60);
    }
  }, 1000);
}

begin();
