// A button is heard after the fields that were changed before it.
//
// While a kernel is busy with one change of a widget, its page keeps further ones back and sends only the last
// when the kernel is free again; a press of a button is sent at once and would overtake it.  So a press waits
// here until every change that was sent has been dealt with, and what was kept back has gone out.
(() => {
  "use strict";
  const Socket = window.WebSocket;
  const LARGEST = 1 << 20; // bytes; whatever is larger is neither a press nor a sign of being idle
  const MOMENT = 50; // milliseconds in which the page sends what it kept back
  const PATIENCE = 20000; // milliseconds; a press is late rather than lost
  const words = new TextDecoder();
  const read = (data) => typeof data === "string" ? data : words.decode(data);
  const size = (data) => data?.byteLength ?? data?.length ?? LARGEST;
  const numbers = (text) => [...text.matchAll(/"msg_id": ?"([^"]+)"/g)].map((found) => found[1]);

  window.WebSocket = class extends Socket {
    #busy = new Set();
    #kept = [];
    #timer = 0;
    constructor(address, protocols) {
      super(address, protocols);
      if (!/\/api\/kernels\/[0-9a-f-]{36}\/channels/.test(String(address))) return;
      this.addEventListener("message", ({ data }) => this.#hear(data));
      this.addEventListener("close", () => { clearTimeout(this.#timer); this.#busy.clear(); this.#kept = []; });
    }
    send(data) {
      const text = size(data) < LARGEST ? read(data) : "";
      if (!text.includes('"comm_msg"')) return super.send(data);
      if (/"method": ?"custom"/.test(text)) {
        if (!this.#busy.size && !this.#kept.length) return super.send(data);
        this.#kept.push([data, Date.now()]);
        this.#later();
        return undefined;
      }
      this.#busy.add(numbers(text)[0]);
      return super.send(data);
    }
    #hear(data) {
      if (!this.#busy.size || size(data) >= LARGEST) return;
      const text = read(data);
      if (!/"execution_state": ?"idle"/.test(text)) return;
      for (const number of numbers(text)) this.#busy.delete(number);
      // The page hears of it in this moment, too: what it kept back comes next.
      if (!this.#busy.size && this.#kept.length) this.#later();
    }
    #later() {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        const waited = Date.now() - (this.#kept[0]?.[1] ?? 0);
        if (this.#busy.size && waited < PATIENCE) { this.#later(); return; }
        if (this.readyState !== Socket.OPEN) return;
        for (const [each] of this.#kept.splice(0)) super.send(each);
      }, MOMENT);
    }
  };
})();
