// The terminal's page: xterm.js on one side, the portal's WebSocket on the other.
"use strict";

(() => {
  const box = document.getElementById("terminal");
  const note = document.getElementById("note");
  const reasons = { 4000: note.dataset.ended, 4001: note.dataset.idle, 4002: note.dataset.full, 4003: note.dataset.login };
  const PIECE = 16384; // bytes of a message: what is pasted may be longer
  const WINDOW = 65536; // bytes that are on their way to the program at a time
  const LONGEST_WAIT = 10000; // milliseconds between two attempts to connect

  const term = new Terminal({
    cursorBlink: true,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", monospace',
    fontSize: window.innerWidth < 600 ? 12 : 15,
    scrollback: 5000,
  });
  const fit = new FitAddon.FitAddon();
  term.loadAddon(fit);
  term.open(box);

  let socket = null;
  let attempts = 0;
  let unsent = [];
  let onTheirWay = 0;

  const isOpen = () => socket !== null && socket.readyState === WebSocket.OPEN;

  function say(text) {
    note.textContent = text || "";
    note.hidden = !text;
  }

  function resize() {
    fit.fit();
    if (isOpen()) socket.send(JSON.stringify({ size: [term.cols, term.rows] }));
  }

  function connect() {
    const opened = new WebSocket(`wss://${location.host}/terminal/socket`);
    opened.binaryType = "arraybuffer";
    opened.onopen = () => {
      attempts = 0;
      unsent = [];
      onTheirWay = 0;
      say("");
      resize();
      term.focus();
    };
    opened.onmessage = (event) => {
      if (typeof event.data === "string") {
        onTheirWay -= JSON.parse(event.data).taken;
        flush();
        return;
      }
      const data = new Uint8Array(event.data);
      term.write(data, () => {
        if (opened.readyState === WebSocket.OPEN) opened.send(JSON.stringify({ shown: data.length }));
      });
    };
    opened.onclose = (event) => {
      if (reasons[event.code]) {
        say(reasons[event.code]);
      } else {
        say(note.dataset.lost);
        setTimeout(again, Math.min(LONGEST_WAIT, 500 * 2 ** attempts++));
      }
    };
    socket = opened;
  }

  // A WebSocket does not say why it was refused; the page itself does.
  async function again() {
    try {
      const page = await fetch("/terminal", { redirect: "manual" });
      if (page.type === "opaqueredirect") location.reload();
    } catch {
      // the gateway is away: the next attempt comes anyway
    }
    connect();
  }

  function send(bytes) {
    for (let at = 0; at < bytes.length; at += PIECE) unsent.push(bytes.slice(at, at + PIECE));
    flush();
  }

  function flush() {
    while (isOpen() && unsent.length && onTheirWay < WINDOW) {
      const piece = unsent.shift();
      onTheirWay += piece.length;
      socket.send(piece);
    }
  }

  term.onData((text) => {
    if (isOpen()) send(new TextEncoder().encode(text));
    else if (text === "\r" && socket.readyState === WebSocket.CLOSED) again();
  });
  term.onBinary((text) => isOpen() && send(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));
  new ResizeObserver(() => requestAnimationFrame(resize)).observe(box);
  connect();
})();
