// What a page is made of. Every text comes in as text, never as HTML, so that a tenant or a site
// may be called whatever it likes.
"use strict";

const Elements = (() => {
  /**
   * An element. `attributes`: className, dataset of the DOM's own names, or plain attributes.
   * @param {string} tag
   * @param {Object<string, *>} [attributes]
   * @param {...(Node|string|null)} children strings become text
   */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null) continue;
      if (name === "className" || name === "textContent" || name.startsWith("on")) made[name] = value;
      else made.setAttribute(name, value);
    }
    for (const child of children) if (child !== null && child !== undefined) made.append(child);
    return made;
  }

  /** A panel with a title, and a line that says what is shown. */
  function section(id, title, note, ...children) {
    const header = element("header", {}, element("h2", {}, title), note ? element("p", {}, note) : null);
    return element("section", { id }, header, ...children);
  }

  function tile(name, figure, under, hint) {
    return element("div", { className: "tile", title: hint },
      element("div", { className: "name" }, name), element("div", { className: "figure" }, figure),
      element("div", { className: "under" }, under || "\u00a0"));
  }

  /** "name: value" pairs; those without a value are left out. */
  function facts(pairs) {
    const list = element("dl", { className: "setup" });
    for (const [name, value, hint] of pairs) {
      if (value === "" || value === null || value === undefined) continue;
      list.append(element("div", { title: hint }, element("dt", {}, name), element("dd", {}, value)));
    }
    return list;
  }

  /** Buttons of which one is pressed; `choose` is told its key. */
  function picker(label, choices, chosen, choose) {
    const box = element("div", { className: "picker", role: "group", "aria-label": label });
    const press = (key) => {
      for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.key === key));
    };
    for (const [key, text] of choices) {
      box.append(element("button", { type: "button", "data-key": key,
        onclick: () => { press(key); choose(key); } }, text));
    }
    press(chosen);
    return box;
  }

  function cellOf(column, row, largest) {
    const value = column.value(row);
    const cell = element("td", { className: column.text ? "name" : "number" });
    if (column.text && String(value).length <= 28) cell.classList.add("short");
    const text = column.show ? column.show(value, row) : String(value);
    if (text instanceof Node) cell.append(text); else cell.textContent = text;
    if (column.aside) cell.classList.add("aside");
    if (column.hint) cell.title = column.hint(value, row);
    if (column.tone) { const tone = column.tone(value, row); if (tone) cell.classList.add(tone); }
    if (column.share && largest > 0) {
      cell.classList.add("share");
      cell.style.backgroundSize = `${Math.max(0, (100 * value) / largest)}% 3px`;
    }
    return cell;
  }

  /**
   * A table whose columns sort when their title is pressed.
   * @param {{title: string, value: function(*): (number|string), show?: function, text?: boolean,
   *          share?: boolean, hint?: function, tone?: function, about?: string, aside?: boolean}[]} columns aside: not on a phone
   * @param {{sort?: number, high?: boolean, fixed?: boolean, label?: string}} options sort: the
   *        column that is sorted at first, falling; fixed: the order of the rows has a meaning
   */
  function table(columns, rows, options = {}) {
    const body = element("tbody");
    const heads = columns.map((column, index) => {
      const head = element("th", { className: column.text ? "" : "number", scope: "col", title: column.about });
      if (column.aside) head.classList.add("aside");
      if (options.fixed) head.textContent = column.title;
      else head.append(element("button", { type: "button", onclick: () => sort(index) }, column.title));
      return head;
    });
    const largest = columns.map((column) =>
      column.share ? rows.reduce((most, row) => Math.max(most, column.value(row)), 0) : 0);
    const lines = rows.map((row) => ({ row, line: element("tr", {},
      ...columns.map((column, index) => cellOf(column, row, largest[index]))) }));
    function sort(index, falling) {
      const now = heads[index].getAttribute("aria-sort");
      const down = falling !== undefined ? falling : now ? now === "ascending" : !columns[index].text;
      for (const head of heads) head.removeAttribute("aria-sort");
      heads[index].setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = columns[index].value;
      const order = (a, b) => columns[index].text ? String(value(a.row)).localeCompare(String(value(b.row)), "en", { numeric: true })
        : value(a.row) - value(b.row);
      lines.sort((a, b) => (down ? order(b, a) : order(a, b)));
      body.append(...lines.map(({ line }) => line));
    }
    body.append(...lines.map(({ line }) => line));
    if (options.sort !== undefined) sort(options.sort, true);
    return element("div", { className: options.high ? "scroll high" : "scroll", tabindex: options.high ? "0" : undefined },
      element("table", { "aria-label": options.label }, element("thead", {}, element("tr", {}, ...heads)), body));
  }

  return { element, section, tile, facts, picker, table };
})();
