"use strict";
(() => {
  const root = document.documentElement;
  const tip = document.getElementById("tip");

  // Colours: auto, light, dark. A page opened from a file may not be allowed to remember.
  const themes = ["auto", "light", "dark"];
  const themeButton = document.getElementById("theme");
  const remembered = () => { try { return localStorage.getItem("llamawatt-theme"); } catch { return null; } };
  const show = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    themeButton.querySelector("span").textContent = theme;
    try { localStorage.setItem("llamawatt-theme", theme); } catch { /* nothing to remember with */ }
  };
  show(themes.includes(remembered()) ? remembered() : "auto");
  themeButton.addEventListener("click", () => {
    const now = themeButton.querySelector("span").textContent;
    show(themes[(themes.indexOf(now) + 1) % themes.length]);
  });

  // Marks of charts say their numbers when pointed at or reached by keyboard.
  const place = (x, y) => {
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(6, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
    tip.style.top = (y + 20 + box.height > innerHeight ? y - box.height - 12 : y + 18) + "px";
  };
  const say = (mark, x, y) => {
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    place(x, y);
  };
  const hush = () => { tip.hidden = true; };
  for (const mark of document.querySelectorAll(".chart .mark")) {
    mark.addEventListener("pointerenter", (event) => say(mark, event.clientX, event.clientY));
    mark.addEventListener("pointermove", (event) => place(event.clientX, event.clientY));
    mark.addEventListener("pointerleave", hush);
    mark.addEventListener("focus", () => {
      const box = mark.getBoundingClientRect();
      say(mark, box.x + box.width / 2, box.y + box.height / 2);
    });
    mark.addEventListener("blur", hush);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });

  // A table that is wider than its frame says that it scrolls.
  const hint = () => {
    for (const frame of document.querySelectorAll(".scroll")) {
      const wide = frame.scrollWidth > frame.clientWidth + 1;
      frame.previousElementSibling.classList.toggle("wide", wide);
    }
  };
  hint();
  addEventListener("resize", hint);

  // Tables sort by their headings; cells without a value stay last either way.
  const key = (row, column) => row.cells[column].dataset.key;
  const order = (a, b, numeric) => {
    if (a === undefined || b === undefined) return null;
    return numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const numeric = head.classList.contains("num");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [x, y] = [key(a, column), key(b, column)];
        const found = order(x, y, numeric);
        if (found === null) return (x === undefined) - (y === undefined);
        return down ? -found : found;
      });
      table.tBodies[0].append(...rows);
    }));
  }
})();
