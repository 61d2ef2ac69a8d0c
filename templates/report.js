"use strict";
// All of the report can be read without this. It sorts and filters the table, opens what is folded
// for the printer, and fetches a page that is served while its run goes on.
(() => {
  const seen = { filter: "", state: "", column: -1, down: false, open: new Set() };
  const units = { ms: 1e-3, s: 1, m: 60, h: 3600, kB: 1e3, MB: 1e6, GB: 1e9 };

  // 12, 0.24s, 2m31s, +1.20s, 31.5 MB; nothing sorts last.
  const value = cell => {
    const text = cell ? cell.textContent.trim() : "";
    if (cell && cell.dataset.n) return Number(cell.dataset.n);
    const sign = text.startsWith("-") ? -1 : 1;
    const parts = [...text.replace(/^[+-]/, "").matchAll(/([\d.]+)\s*(ms|s|m|h|kB|MB|GB)?/g)];
    return parts.length ? sign * parts.reduce((sum, [, number, unit]) => sum + number * (units[unit] || 1), 0) : null;
  };

  const prepare = main => {
    const table = main.querySelector("table.stages");
    if (table) prepareTable(main, table);
    for (const box of main.querySelectorAll("[data-copy]")) {
      const button = document.createElement("button");
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", () => {
        const range = document.createRange();
        range.selectNodeContents(box);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand("copy");
        button.textContent = "Copied";
      });
      box.before(button);
    }
  };

  const prepareTable = (main, table) => {
    const rows = [...table.querySelectorAll("tbody tr:not(.head)")];
    const homes = rows.map(row => row.parentNode);
    const heads = [...table.tHead.rows[0].cells];
    const flat = document.createElement("tbody");
    const tools = main.querySelector(".tools");
    const [filter, state] = [tools.querySelector("input"), tools.querySelector("select")];
    const told = tools.querySelector("output");
    const ordered = table.caption.querySelector("span");

    const arrange = () => {
      const words = seen.filter.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const text = words.length ? row.textContent.toLowerCase() : "";
        const fits = words.every(word => text.includes(word)) && (!seen.state || row.cells[1].className === seen.state);
        row.classList.toggle("left-out", !fits);
        left += fits;
      }
      table.classList.toggle("flat", seen.column >= 0 || words.length > 0 || seen.state !== "");
      if (seen.column >= 0) {
        const keyed = rows.map((row, at) => {
          const cell = row.cells[seen.column];
          const number = heads[seen.column].hasAttribute("data-number");
          return { row, at, key: number ? value(cell) : cell.textContent };
        });
        const turn = seen.down ? -1 : 1;
        const order = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
        keyed.sort((a, b) => (a.key === null) - (b.key === null) || turn * order(a.key, b.key) || a.at - b.at);
        flat.append(...keyed.map(({ row }) => row));
        table.append(flat);
      } else if (flat.isConnected) {
        rows.forEach((row, at) => homes[at].append(row));
        flat.remove();
      }
      heads.forEach((head, at) => {
        if (at === seen.column) head.setAttribute("aria-sort", seen.down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      ordered.hidden = seen.column >= 0;
      told.textContent = left === rows.length ? "" : `${left} of ${rows.length}`;
    };

    heads.forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        // Numbers are looked at from the largest on; the third click brings the plan's order back.
        const first = head.hasAttribute("data-number");
        if (seen.column !== at) [seen.column, seen.down] = [at, first];
        else if (seen.down === first) seen.down = !first;
        else [seen.column, seen.down] = [-1, false];
        arrange();
      });
    });
    const states = new Map(rows.map(row => [row.cells[1].className, row.cells[1].textContent.trim()]));
    for (const [key, word] of states) state.add(new Option(word, key));
    filter.value = seen.filter;
    state.value = states.has(seen.state) ? seen.state : "";
    filter.addEventListener("input", () => { seen.filter = filter.value; arrange(); });
    state.addEventListener("change", () => { seen.state = state.value; arrange(); });
    tools.hidden = false;
    if (seen.filter || seen.state || seen.column >= 0) arrange();
  };

  // What a reader opened stays open when the page is fetched anew.
  const folds = main => [...main.querySelectorAll("details, .head input")].map(item => [item, item.dataset.key || item.closest("[id]").id]);
  const isOpen = item => (item.tagName === "DETAILS" ? item.open : item.checked);
  const open = (item, is) => { if (item.tagName === "DETAILS") item.open = is; else item.checked = is; };

  const refresh = async () => {
    let next;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      next = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      document.documentElement.removeAttribute("data-live");
      const note = document.createElement("p");
      note.setAttribute("role", "status");
      note.textContent = "This page is no longer served; it shows the last state that was.";
      document.querySelector("main").prepend(note);
      return;
    }
    const [old, main] = [document.querySelector("main"), next.querySelector("main")];
    if (main) {
      const opened = new Set(folds(old).filter(([item]) => isOpen(item)).map(([, key]) => key));
      const typing = document.activeElement && document.activeElement.matches(".tools input");
      const scrolled = [...old.querySelectorAll(".scroll")].map(box => box.scrollLeft);
      folds(main).forEach(([item, key]) => open(item, opened.has(key)));
      prepare(main);
      old.replaceWith(main);
      [...main.querySelectorAll(".scroll")].forEach((box, at) => { box.scrollLeft = scrolled[at] || 0; });
      if (typing) main.querySelector(".tools input").focus();
      document.title = next.title;
    }
    if (next.documentElement.hasAttribute("data-live")) setTimeout(refresh, 1000);
    else document.documentElement.removeAttribute("data-live");
  };

  addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(item => {
    item.open = true;
    seen.open.add(item);
  }));
  addEventListener("afterprint", () => {
    seen.open.forEach(item => { item.open = false; });
    seen.open.clear();
  });
  prepare(document.querySelector("main"));
  if (document.documentElement.hasAttribute("data-live")) setTimeout(refresh, 1000);
})();
