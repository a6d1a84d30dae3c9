"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const words = data.words;
  const byId = (id) => document.getElementById(id);
  const digits = new Intl.NumberFormat(data.language, { maximumSignificantDigits: 3 });
  const number = (value) => (value === null || value === undefined ? "–" : digits.format(value));
  const short = new Intl.NumberFormat(data.language, { maximumSignificantDigits: 2 });
  const percent = (share) => (share > 0 && share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`);
  const plots = {};

  const printing = matchMedia("print");
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => darkness.matches && !printing.matches;
  const CHANCES = {
    light: ["#b9bdc4", "#cdb0da", "#a877c0", "#7b3f98", "#3f0a57"],
    dark: ["#5a6068", "#7d5a90", "#a678c2", "#cfa0e6", "#f6e3ff"],
  };
  const chanceClass = (chance) => (chance === 0 ? 0 : chance <= 20 ? 1 : chance <= 100 ? 2 : chance < 180 ? 3 : 4);

  const source = (plot, name) => plot.renderers.find((one) => one.name === name).data_source;
  const change = (of, columns) => { of.data = { ...of.data, ...columns }; };

  async function embed(name) {
    await Bokeh.embed.embed_item(JSON.parse(data.figures[name]), `figure-${name}`);
    const found = Bokeh.documents.at(-1).roots()[0];
    plots[name] = found;
    return found;
  }

  function paint() {
    const ink = isDark() ? "#c9ced6" : "#3d424a";
    const line = isDark() ? "#363b43" : "#e2e5e9";
    for (const plot of Object.values(plots)) {
      plot.background_fill_color = null;
      plot.border_fill_color = null;
      plot.outline_line_color = null;
      for (const axis of [...plot.below, ...plot.left]) {
        axis.axis_label_text_color = ink;
        axis.axis_label_text_font_style = "normal";
        axis.major_label_text_color = ink;
        axis.axis_line_color = ink;
        axis.major_tick_line_color = ink;
        axis.minor_tick_line_color = null;
      }
      for (const one of plot.center) {
        if ("grid_line_color" in one) one.grid_line_color = line;
        if ("bar_line_color" in one) {
          one.bar_line_color = ink;
          one.label_text_color = ink;
        }
      }
    }
  }

  // On paper there are no controls: what was chosen stands above the figure.
  function tellShown(id, ...controls) {
    const chosen = controls.filter((one) => one).map((one) => one.selectedOptions?.[0].textContent ?? data.events[Number(one.value)]);
    byId(id).textContent = chosen.join(" · ");
  }

  function onInput(ids, draw) {
    for (const id of ids) byId(id)?.addEventListener("input", draw);
  }

  // The map.
  async function startMap() {
    if (!data.map) return;
    const map = data.map;
    const plot = await embed("map");
    const bytes = Uint8Array.from(atob(map.chance), (one) => one.charCodeAt(0));
    const n = map.n_line + map.n_point;
    const event = byId("map-event");
    event.value = data.worst;

    function draw() {
      const at = Number(event.value);
      const service = Number(byId("map-service").value);
      const sector = byId("map-sector").value;
      const inHours = byId("map-measure")?.value === "hours";
      byId("map-event-told").textContent = data.events[at];
      tellShown("map-shown", event, byId("map-service"), byId("map-measure"));
      event.setAttribute("aria-valuetext", data.events[at]);
      change(source(plot, "hazard"), { url: [map.images[at] || map.clear] });
      if (map.rest.length) change(source(plot, "rest"), { url: [sector === "" ? map.rest[at] : map.clear] });
      for (const one of document.querySelectorAll(".legend [data-peril]")) one.hidden = one.dataset.peril !== map.perils[at];
      const palette = CHANCES[isDark() ? "dark" : "light"];
      const edge = isDark() ? "#15171b" : "#ffffff";
      for (const [name, first, count] of [["lines", 0, map.n_line], ["points", map.n_line, map.n_point]]) {
        const of = source(plot, name);
        const told = [], colour = [], width = [], size = [], edges = [];
        for (let i = 0; i < count; i++) {
          const chance = bytes[at * n + first + i];
          const shown = sector === "" || of.data.sector[i] === sector;
          const rank = chanceClass(chance);
          told.push(chance === 1 ? "<1 %" : chance === 199 ? ">99 %" : `${chance / 2} %`);
          colour.push(palette[rank]);
          edges.push(rank ? edge : palette[0]);
          width.push(shown ? [0.7, 1.2, 1.5, 1.8, 2.2][rank] : 0);
          size.push(shown ? [2.2, 4.5, 5.5, 6.5, 7][rank] : 0);
        }
        change(of, { told, colour, edge: edges, width, size });
      }
      const cube = inHours ? map.hours : map.people;
      const values = cube[at][service];
      const widest = 44 * Math.max(0.3, Math.min(1, Math.sqrt(200 / values.length)));
      const largest = Math.max(...cube.map((one) => Math.max(0, ...one[service])));
      change(source(plot, "people"), {
        size: values.map((value) => (largest > 0 ? widest * Math.sqrt(value / largest) : 0)),
        told: values.map((value) => `${number(value)} ${inHours ? data.unit_hours : data.unit}`),
      });
      byId("map-largest").textContent = words.largest.replace("{n}", `${number(largest)} ${inHours ? data.unit_hours : data.unit}`);
      byId("map-chances").replaceChildren(...palette.map((hue, i) => key(hue, ["0", "<10 %", "10–50 %", "50–90 %", ">90 %"][i])));
    }
    function key(hue, told) {
      const whole = document.createElement("span");
      whole.className = "key";
      const mark = document.createElement("i");
      mark.style.background = hue;
      whole.append(mark, told);
      return whole;
    }
    onInput(["map-event", "map-service", "map-measure", "map-sector"], draw);
    for (const box of document.querySelectorAll("[data-layer]")) {
      box.addEventListener("input", () => {
        const layers = box.dataset.layer === "assets" ? ["lines", "points", "rest"] : [box.dataset.layer];
        for (const one of plot.renderers) if (layers.includes(one.name)) one.visible = box.checked;
      });
    }
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        const factor = Number(button.dataset.zoom);
        for (const [range, size] of [[plot.x_range, map.size[0]], [plot.y_range, map.size[1]]]) {
          const middle = (range.start + range.end) / 2, half = (range.end - range.start) / 2;
          range.setv(factor ? { start: middle - half * factor, end: middle + half * factor } : { start: 0, end: size });
        }
      });
    }
    draw();
    return draw;
  }

  // The curves of recovery.
  async function startRecovery() {
    if (!data.recovery) return;
    const told = data.recovery;
    const plot = await embed("recovery");
    const event = byId("recovery-event"), service = byId("recovery-service"), moment = byId("recovery-moment");
    event.value = data.worst;
    const rows = [...byId("recovery-table").tBodies[0].rows];
    const span = plot.center.find((one) => one.name === "moment");
    const time = (hours) => (hours === null ? "–" : hours < 100 ? `${short.format(hours)} ${words.unit_hour}` : `${short.format(hours / 24)} ${words.unit_day}`);

    function draw() {
      const at = Number(event.value);
      const only = service.value === "" ? null : Number(service.value);
      const people = told.people[at];
      tellShown("recovery-shown", event, service);
      let last = 1;
      const visible = 0.02 * Math.max(...people.flat());
      people.forEach((course) => course.forEach((value, i) => { if (value > visible) last = Math.max(last, i + 1); }));
      const inDays = told.hours[last] > 96;
      const scale = inDays ? 24 : 1;
      const end = told.hours[Math.min(last, told.hours.length - 1)] * 1.04 / scale;
      plot.x_range.setv({ start: 0, end });
      plot.below[0].axis_label = inDays ? words.days_after : words.hours_after;
      const bands = { x0: [], x1: [], x: [], y: [] };
      people.forEach((course, i) => {
        const line = plot.renderers.find((one) => one.name === `service-${i}`);
        line.visible = only === null || only === i;
        change(line.data_source, { x: told.hours.map((one) => one / scale), y: [...course, course.at(-1)] });
        rows[i].hidden = only !== null && only !== i;
        told.levels.forEach((level, j) => {
          const [low, middle, high] = told.back[at][i][j];
          const never = told.unrestored[at][i][j];
          const range = low === high ? "" : ` (${time(low)} … ${time(high)})`;
          const cell = rows[i].cells[2 + j];
          cell.textContent = time(middle) + range;
          if (never >= 0.005) {
            const late = document.createElement("small");
            late.className = "late";
            late.textContent = words.never.replace("{share}", percent(never));
            cell.append(late);
          }
          const y = told.served[i] * (1 - level / 100);
          if (only === i && high > 0 && y <= Math.max(...course)) {
            bands.x0.push(low / scale); bands.x1.push(high / scale); bands.x.push(middle / scale); bands.y.push(y);
          }
        });
      });
      source(plot, "bands").data = bands;
      show();
      function show() {
        const step = Number(moment.value);
        byId("recovery-moment-told").textContent = time(told.hours[step]);
        moment.setAttribute("aria-valuetext", time(told.hours[step]));
        span.location = told.hours[step] / scale;
        people.forEach((course, i) => { rows[i].cells[1].textContent = number(course[step]); });
      }
    }
    onInput(["recovery-event", "recovery-service", "recovery-moment"], draw);
    draw();
  }

  // The curves of exceedance.
  async function startExceedance() {
    if (!data.exceedance) return;
    const told = data.exceedance;
    const plot = await embed("exceedance");
    const quantity = byId("exceedance-quantity");
    const rows = [...byId("exceedance-table").tBodies[0].rows];

    function draw() {
      const at = Number(quantity.value);
      plot.left[0].axis_label = told.units[at];
      tellShown("exceedance-shown", quantity);
      ["aggregate", "occurrence"].forEach((curve, c) => {
        const [value, low, high] = ["value", "low", "high"].map((end) => told[curve][end][at]);
        // An interval with an open end is not drawn: as null its end would be at zero.
        const ends = (of) => of.map((one, i) => (low[i] === null || high[i] === null ? NaN : one));
        change(source(plot, curve), { value: value.map((one) => one ?? NaN), low: ends(low), high: ends(high) });
        rows.forEach((row, i) => {
          row.cells[1 + 2 * c].textContent = number(value[i]);
          row.cells[2 + 2 * c].textContent = `${number(low[i])} … ${number(high[i])}`;
        });
      });
    }
    onInput(["exceedance-quantity"], draw);
    draw();
  }

  // One of several blocks at a time.
  function choose(id, blocks) {
    const select = byId(id);
    if (!select) return;
    const draw = () => document.querySelectorAll(blocks).forEach((one, i) => { one.hidden = i !== Number(select.value); });
    select.addEventListener("input", draw);
    draw();
  }

  async function start() {
    document.documentElement.classList.add("js");
    choose("critical-service", ".critical");
    choose("after-asset", ".after");
    Bokeh.set_log_level("error");
    const drawMap = await startMap();
    await startRecovery();
    await startExceedance();
    const repaint = () => { paint(); drawMap?.(); };
    repaint();
    darkness.addEventListener("change", repaint);
    printing.addEventListener("change", repaint);
    document.documentElement.dataset.ready = "yes";
  }
  start();
})();
