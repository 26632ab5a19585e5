// Search and filters on the first page, in the browser. Everything is readable without it.
(() => {
  "use strict";
  const form = document.getElementById("find");
  const list = document.getElementById("cards");
  if (!form || !list) return;
  const cards = new Map([...document.querySelectorAll("article.card")].map((card) => [card.id, card]));
  const order = [...cards.keys()];
  const said = document.getElementById("found");
  const base = document.currentScript ? document.currentScript.src : "";
  form.hidden = false;

  const words = (text) =>
    text.normalize("NFKC").toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}_]+/gu) || [];

  let loading = null;
  const load = () =>
    (loading ??= new Promise((done) => {
      const script = document.createElement("script");
      script.src = new URL("search-index.js", base || location.href).href;
      script.onload = () => done(prepared(window.symplastIndex));
      script.onerror = () => done(null);
      document.head.append(script);
    }));

  const prepared = (index) => {
    const mean = index.lengths.reduce((a, b) => a + b, 0) / Math.max(index.lengths.length, 1) || 1;
    const dampen = index.lengths.map((length) => index.k1 * (1 - index.b + (index.b * length) / mean));
    return { ...index, dampen, stop: new Set(index.stop), vocabulary: Object.keys(index.postings) };
  };

  const score = (index, terms, into) => {
    const frequency = new Map();
    for (const term of terms)
      for (const [place, weight] of index.postings[term]) frequency.set(place, (frequency.get(place) || 0) + weight);
    const idf = Math.log(1 + (index.systems.length - frequency.size + 0.5) / (frequency.size + 0.5));
    for (const [place, f] of frequency) {
      const value = (idf * f * (index.k1 + 1)) / (f + index.dampen[place]);
      into.set(place, Math.max(into.get(place) || 0, value));
    }
    return into;
  };

  const search = (index, query) => {
    const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);
    const asked = words(query);
    const total = new Map();
    const seen = new Set();
    asked.forEach((word, at) => {
      if (index.stop.has(word)) return;
      const stem = has(index.stems, word) ? index.stems[word] : word;
      if (seen.has(stem)) return;
      seen.add(stem);
      const one = has(index.postings, stem) ? score(index, [stem], new Map()) : new Map();
      if (at === asked.length - 1 && word.length > 1 && !/\s$/.test(query)) {
        const begun = new Set(index.vocabulary.filter((term) => term.startsWith(word) || term.startsWith(stem)));
        for (const form in index.stems) if (form.startsWith(word)) begun.add(index.stems[form]);
        if (begun.size) score(index, [...begun], one);
      }
      for (const [place, value] of one) total.set(place, (total.get(place) || 0) + value);
    });
    const name = query.trim().toLowerCase().replace(/\s+/g, " ").replace(/^arxiv:/, "").replace(/^(\d{4}\.\d{4,5})v\d+$/, "$1");
    index.names.forEach((names, place) => { if (names.includes(name)) total.set(place, Infinity); });
    return [...total.entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([place]) => index.systems[place]);
  };

  const admits = (card, data) =>
    ["topic", "verdict", "kind", "scale", "year", "data"].every((name) => {
      const wanted = data.get(name);
      return !wanted || (card.dataset[name] || "").split("|").includes(wanted);
    });

  const sorts = {
    "newest paper": (card) => card.dataset.day,
    "most claims": (card) => Number(card.dataset.claims),
    "most refuted": (card) => Number(card.dataset.refuted),
  };

  let turn = 0;
  const update = async () => {
    const mine = ++turn;
    const data = new FormData(form);
    const query = (data.get("q") || "").slice(0, 500);
    let slugs = order;
    if (query.trim()) {
      const index = await load();
      if (mine !== turn) return;
      if (index === null) { said.textContent = "The search index could not be loaded."; return; }
      slugs = search(index, query);
    } else if (sorts[data.get("sort")]) {
      const key = sorts[data.get("sort")];
      slugs = [...order].sort((a, b) => {
        const [x, y] = [key(cards.get(a)), key(cards.get(b))];
        return x < y ? 1 : x > y ? -1 : 0;
      });
    }
    const shown = slugs.filter((slug) => cards.has(slug) && admits(cards.get(slug), data));
    for (const card of cards.values()) card.hidden = true;
    for (const slug of shown) { const card = cards.get(slug); card.hidden = false; card.parentElement.append(card); }
    for (const group of document.querySelectorAll(".group"))
      group.hidden = ![...group.querySelectorAll("article.card")].some((card) => !card.hidden);
    const asked = query.trim() || [...data.entries()].some(([name, value]) => value && name !== "sort");
    said.textContent = asked ? (shown.length ? `${shown.length} of ${cards.size} found` : "Nothing found. Try fewer or other words.") : "";
  };

  form.addEventListener("input", update);
  form.addEventListener("change", update);
  form.addEventListener("submit", (event) => { event.preventDefault(); update(); });
  const asked = new URLSearchParams(location.search);
  for (const field of form.elements) if (field.name && asked.has(field.name)) field.value = asked.get(field.name);
  if ([...asked.keys()].length) update();
})();
