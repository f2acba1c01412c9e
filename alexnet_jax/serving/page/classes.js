// The five likeliest classes as bars, each a button.

function element(kind, name, text = "") {
  const one = document.createElement(kind);
  one.className = name;
  one.textContent = text;
  return one;
}

function track(name, probability) {
  const outer = element("span", name);
  const inner = document.createElement("i");
  inner.style.width = `${100 * probability}%`;
  outer.append(inner);
  return outer;
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)}%`;
}

/** Show the classes; `choose` is called with the one that is clicked. */
export function showClasses(list, record, chosen, choose) {
  const items = record.top.map((one) => {
    const button = element("button", "");
    button.type = "button";
    button.setAttribute("aria-pressed", String(one.index === chosen));
    button.append(element("span", "name", one.class), element("span", "share", percent(one.probability)));
    button.append(track("track", one.probability));
    if (record.changed) {
      button.append(track("track before", one.plain));
      button.append(element("span", "was", `${percent(one.plain)} with all parts on`));
    }
    button.addEventListener("click", () => {
      for (const other of list.querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", "true");
      choose(one.index);
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  });
  list.replaceChildren(...items);
}
