// What the board's pages are made of. Whatever a stack has said becomes text of the page, never markup.

const language = document.documentElement.lang;
export const texts = JSON.parse(document.getElementById("board").dataset.texts);
const SVG = "http://www.w3.org/2000/svg";
const OLD_SECONDS = 60; // a stack that was asked before that is not shown as it is
const SIGNS = { help: "▲", watch: "◆", fine: "✓", off: "–", none: "…" };

export const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

export function t(key, said = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => said[name] ?? whole);
}

// An element with attributes and children; a text is a text.
export function make(name, attributes = {}, ...children) {
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
export function now(one) {
  return one.said.now + (performance.now() - one.at) / 1000;
}

function parts(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const units = [["d", 86400, "day"], ["h", 3600, "hour"], ["m", 60, "minute"], ["s", 1, "second"]];
  const [unit, size, name] = units.find((one) => whole >= one[1]) ?? units[3];
  return { unit, name, n: Math.floor(whole / size) };
}

export function ago(seconds) {
  const { unit, n } = parts(seconds);
  return t(`age.${unit}`, { n });
}

export function span(seconds) {
  const { name, n } = parts(seconds);
  return new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" }).format(n);
}

// How long ago something was, renewed each second; in a cell without the word for it.
export function age(one, at, text = ago) {
  const made = make("span", { class: "age" });
  made.renew = () => {
    const seconds = now(one) - at;
    made.textContent = text(seconds);
    made.classList.toggle("old", at === one.said.now && seconds > OLD_SECONDS);
  };
  made.renew();
  return made;
}

export function sign(level) {
  return make("span", { class: `sign ${level}` }, make("span", { "aria-hidden": "true" }, SIGNS[level]),
    make("span", { class: "said" }, t(`board.level.${level}`)));
}

// Used and most, in MB: a bar, and the numbers in words. In the table a column's heading names the first one of a cell.
export function amount(title, pair, kind = "") {
  if (!pair) return null;
  const [used, most] = pair;
  const words = t(most ? "board.mb" : "board.mb.free", { used: number.format(used), most: number.format(most) });
  const share = most ? Math.min(1, used / most) : 0;
  const bar = draw("svg", { class: `bar ${share >= 0.9 ? "full" : ""}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "all", width: 100, height: 6 }), draw("rect", { class: "used", width: 100 * share, height: 6 }));
  const short = most ? `${share >= 0.9 ? "! " : ""}${Math.round((100 * used) / most)} %` : words;
  return make("span", { class: `amount ${kind} ${share >= 0.9 ? "full" : ""}`, title: `${title}: ${words}` },
    make("span", { class: "of" }, title), " ", make("span", { "aria-hidden": "true" }, short),
    make("span", { class: "said" }, words), most ? bar : null);
}

// The nodes' memory, whose limits nobody comes near together.
export function memory(said) {
  return said.memory_mb && make("span", { class: "amount", title: t("board.memory") },
    make("span", { class: "of" }, t("board.memory"), " "), t("board.mb.free", { used: number.format(said.memory_mb[0]) }));
}

// The lag of a stream over the last looks; where it reads no topic, the rows that came in.
export function sparkline(stream, width, height) {
  const column = stream.history.some((look) => look[1] !== null) ? 1 : 2;
  const points = stream.history.filter((look) => look[column] !== null).map((look) => [look[0], look[column]]);
  if (points.length < 2) return null;
  const most = Math.max(...points.map((point) => point[1]), 1);
  const begin = points[0][0], length = Math.max(points[points.length - 1][0] - begin, 1);
  const line = points.map(([at, value]) => `${(((at - begin) / length) * (width - 4) + 2).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`);
  const words = t("board.trend", { from: number.format(points[0][1]), to: number.format(points[points.length - 1][1]), most: number.format(most) });
  return draw("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": column === 1 ? words : t("board.in") },
    draw("polyline", { points: line.join(" ") }),
      draw("circle", { cx: line[line.length - 1].split(",")[0], cy: line[line.length - 1].split(",")[1], r: 2 }));
}

export function lagOf(stream) {
  return stream.lag === null ? "" : t("board.lag", { n: number.format(stream.lag) });
}

// Rows per second; what the last batch of a stream had is no news where it has nothing to do since.
export function rate(stream, which) {
  return stream.idle ? t("board.idle") : t("board.rate", { n: number.format(stream[`${which}_rows_per_second`]) });
}

export function need(one, reason) {
  const said = {}, shown = new Map();
  for (const [key, value] of Object.entries(reason.said)) {
    said[key] = typeof value === "number" && !key.endsWith("_since") ? number.format(value) : `{${key}}`;
    shown.set(`{${key}}`, key.endsWith("_since") ? () => age(one, value) : () => String(value));
  }
  // What was said is put in after the text has been cut at its places: it may look like a place itself.
  const words = t(`board.need.${reason.code}`, said).split(/(\{\w+\})/);
  const made = make("span", { class: `need ${reason.level}` }, words.map((word) => (shown.has(word) ? shown.get(word)() : word)));
  made.title = made.textContent; // it may be cut
  return made;
}
