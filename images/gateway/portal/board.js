// The instructor's board: follows the events of the class, and shows the class, or one student.

import { age, ago, amount, lagOf, make, memory, need, now, number, rate, sign, span, sparkline, t, texts } from "./board-parts.js";

const board = document.getElementById("board");
const student = board.dataset.student;
const LEVELS = ["help", "watch", "fine", "off"];

let about = null; // what stays the same: lessons, and each student's pages
let fed = null; // whether a board feeds the page; null where nobody has said so
let connected = false;
const states = new Map(); // name -> { said, at: when it was true, by this browser's clock }

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
  const when = job.of ? age(one, job.at, span) : "";
  return make("td", { class: `lesson ${job.of ? (passed ? "right" : "wrong") : "open"}`, role: "cell", title: words },
    label, make("span", { class: "result", "aria-hidden": "true" }, result),
      make("span", { class: "small", "aria-hidden": "true" }, job.attempts ? `${job.attempts}×` : "", job.attempts && job.of ? " · " : "", when),
      make("span", { class: "said" }, words));
}

function shortName(name) {
  return name.replace(/^lesson0?/, "");
}

// The class

function streamCell(one) {
  // Two are shown: those that failed, then those that are farthest behind.
  const streams = one ? [...one.said.streams].sort((a, b) => (b.error !== "") - (a.error !== "") || (b.lag ?? -1) - (a.lag ?? -1)) : [];
  const shown = streams.slice(0, 2).map((stream) => make("div", { class: "stream", title: stream.batch === null ? stream.query : `${stream.query}: ${t("board.batch.of", { n: stream.batch })}` },
    sparkline(stream, 72, 16),
      make("span", { class: stream.error ? "wrong" : "" }, stream.error ? `✗ ${stream.query}` : [lagOf(stream), rate(stream, "processed")].filter(Boolean).join(" · "))));
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
    make("th", { scope: "row", role: "rowheader", class: "student" },
      make("span", { class: "name" }, sign(level), link), reasons),
    about.lessons.map((lesson) => lessonCell(one, lesson)),
    streamCell(one),
    make("td", { class: "amounts", role: "cell" }, one ? [memory(one.said), amount("YARN", one.said.yarn_mb, "named")] : null),
    make("td", { class: "amounts", role: "cell" }, one ? [amount(t("board.disk"), one.said.disk_mb),
      amount("HDFS", one.said.hdfs_mb, "named")] : null),
    make("td", { class: "asked", role: "cell" }, one ? age(one, one.said.now, span) : "–"));
  made.one = one;
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
  return make("table", { role: "table", class: "class" }, make("thead", { role: "rowgroup" }, head),
    make("tbody", { role: "rowgroup" }));
}

// Only what has changed is drawn anew, and moved only where the order is another one: somebody may be reading.
function showClass() {
  const table = board.querySelector("table.class") ?? board.appendChild(classTable());
  const body = table.tBodies[0], focused = document.activeElement?.closest("tr")?.dataset.name;
  const rows = Object.keys(about.students).sort(order).map((name) => {
    const there = body.querySelector(`tr[data-name="${name}"]`); // names are letters and digits
    if (there && there.one === states.get(name)) return there;
    const made = row(name);
    there?.replaceWith(made);
    return made;
  });
  if (rows.some((made, i) => body.rows[i] !== made)) body.replaceChildren(...rows);
  if (focused && !body.contains(document.activeElement)) body.querySelector(`tr[data-name="${focused}"] a`)?.focus();
}

function summary() {
  const names = about ? Object.keys(about.students) : [];
  const levels = names.map((name) => states.get(name)?.said.level ?? "none");
  const counts = [...LEVELS, "none"].map((level) => [level, levels.filter((one) => one === level).length]).filter(([, count]) => count);
  return [t("board.students", { n: names.length }), ...counts.map(([level, count]) => make("span", { class: "count" }, `${count} `, sign(level)))];
}

// One student

function grid(columns, rows) {
  return make("table", { role: "table", class: "plain" }, make("thead", { role: "rowgroup" },
    make("tr", { role: "row" }, columns.map((title) => heading(title)))),
    make("tbody", { role: "rowgroup" }, rows.map((cells) => make("tr", { role: "row" }, cells.map((cell, i) => make("td", { role: "cell", "data-title": columns[i] }, cell))))));
}

function section(title, ...content) {
  return make("section", {}, make("h2", {}, title), content);
}

function showStudent() {
  const one = states.get(student);
  if (!Object.hasOwn(about.students, student) || !one) {
    return [make("p", {}, t(Object.hasOwn(about.students, student) ? "board.asking" : "board.nobody"))];
  }
  const said = one.said, at = (time) => (time ? age(one, time) : "");
  const reasons = said.needs.map((reason) => make("li", {}, sign(reason.level), " ", need(one, reason)));
  const state = texts[`board.state.${said.state}`];
  return [
    make("p", { class: "amounts" }, sign(said.level), state ? ` ${state}` : "",
      amount(t("board.memory"), said.memory_mb), amount("YARN", said.yarn_mb), amount("HDFS", said.hdfs_mb),
      amount(t("board.disk"), said.disk_mb),
      make("span", { class: "hint" }, t("board.asked"), " ", age(one, said.now, span))),
    section(t("board.needs"), reasons.length ? make("ul", { class: "needs" }, reasons) : make("p", {}, t("board.needs.none"))),
    section(t("board.streams"), said.streams.length ? grid([t("board.query"), t("board.job"), t("board.behind"), t("board.in"), t("board.processed"), t("board.batch"), t("board.watermark"), t("board.kept")], said.streams.map((stream) => [
      stream.query, stream.name,
      [sparkline(stream, 120, 28), " ", lagOf(stream) || "–"],
      rate(stream, "input"), rate(stream, "processed"),
      [stream.batch === null ? "–" : `${stream.batch}, `, at(stream.at)],
      stream.watermark_age_s === null ? "–" : t("board.watermark.age", { age: span(stream.watermark_age_s) }),
      stream.state_rows ? t("board.rows", { n: number.format(stream.state_rows), mb: number.format(stream.state_bytes / 1048576) }) : "–",
    ])) : make("p", {}, t("board.streams.none"))),
    section(t("board.jobs"), said.jobs.length ? grid([t("board.job"), t("board.last"), t("board.attempts")], said.jobs.map((job) => [
      [make("strong", {}, job.job), job.lesson !== job.job ? ` ${t("board.job.of", { lesson: job.lesson })}` : ""],
      job.of ? make("span", { class: job.right === job.of ? "right" : "wrong" }, `${job.right === job.of ? "✓" : "✗"} `, t("board.right", { right: job.right, of: job.of, age: ago(now(one) - job.at) })) : "–",
      job.attempts ? `${job.attempts}×` : "–",
    ])) : make("p", {}, t("board.jobs.none")), said.jobs.some((job) => job.of) ? make("p", { class: "hint" }, t("board.word")) : null),
    section(t("applications.title"), said.applications.length ? grid([t("board.job"), t("board.state"), t("board.when"), ""], [...said.applications].reverse().map((app) => [app.name, app.state, at(app.finished || app.started),
      make("span", { class: "hint" }, app.id)])) : make("p", {}, t("applications.none"))),
    section(t("board.nodes"),
      grid([t("board.node"), t("board.state"), t("board.memory")], said.nodes.map((node) => [node.name,
      make("span", { class: node.problem ? "wrong" : "right" }, node.problem ? `✗ ${node.problem}` : `✓ ${t("board.answers")}`),
      amount("", node.memory_mb)]))),
    about.students[student].length ? section(t("home.pages"),
      make("ul", { class: "tiles" }, about.students[student].map((page) => make("li", {},
      make("a", { href: page.url, rel: "noreferrer" }, page.title))))) : null,
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
  if (student && message.kind === "student" && message.name !== student) return;
  if (message.kind === "feed") fed = message.said;
  if (message.kind === "class") {
    about = message.said;
    board.querySelector("table.class")?.remove();
    for (const name of states.keys()) if (!Object.hasOwn(about.students, name)) states.delete(name);
  }
  if (message.kind === "student") states.set(message.name, { said: message.said, at: performance.now() - message.age * 1000 });
  soon();
}

function begin() {
  const place = student ? [make("p", {}, make("a", { href: "/board" }, `← ${t("board.back")}`))] : [];
  board.append(...place,
    make("p", { id: "notice", class: "problem", role: "status" }), student ? make("div", { id: "student" }) : make("p", { id: "summary" }));
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
    for (const made of document.querySelectorAll(".age")) made.renew();
  }, 1000);
}

begin();
