"use strict";
(() => {
	/* The sizes of the two drawings, in pixels. */
	const NODE = { width: 226, height: 60, gap: 12, column: 268, margin: 14 };
	const LINE = 16; /* of text in a box */
	const TIME = { row: 25, gutter: 230, head: 30, least: 420, end: 96 };
	const DAY = 86400e3, YEAR = 365.25 * DAY;
	const NEAR = 90 * DAY, NEXT = 30 * DAY; /* as `chancery ca tree` has them */
	const SHOWN_AT_FIRST = 48; /* CAs; what is below is folded until asked for */
	const RANGES = [["All", 0], ["20 years", 20], ["5 years", 5], ["1 year", 1]];

	const at = (id) => document.getElementById(id);
	const given = JSON.parse(at("data").textContent);
	const now = Date.now();

	/* Whatever a CA holds is shown as text, and what can't be seen in it is made visible. */
	const clean = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");
	const shown = (value) => value === null || value === undefined ? "" : clean(typeof value === "string" ? value : JSON.stringify(value));
	const isText = (value) => typeof value === "string" && value !== "";

	const make = (name, attributes, ...inner) => {
		const e = document.createElement(name);
		for (const key in attributes)
			e.setAttribute(key, attributes[key]);
		e.append(...inner);
		return e;
	};
	const draw = (name, attributes, ...inner) => {
		const e = document.createElementNS("http://www.w3.org/2000/svg", name);
		for (const key in attributes)
			e.setAttribute(key, attributes[key]);
		e.append(...inner);
		return e;
	};

	/* ---- the CAs ---- */

	const subtrees = (sets) => {
		const list = [];
		for (const set of Array.isArray(sets) ? sets : []) {
			for (const s of (set && Array.isArray(set.permitted)) ? set.permitted : [])
				list.push("only " + shown(s));
			for (const s of (set && Array.isArray(set.excluded)) ? set.excluded : [])
				list.push("not " + shown(s));
		}
		return list;
	};
	const limits = (n) => subtrees(n.ca.effective_name_constraints);

	const STATES = ["created", "active", "retiring", "retired", "revoked", "withheld"];
	const nodes = (Array.isArray(given.data) ? given.data : []).filter((ca) => ca && typeof ca === "object").map((ca, i) => ({
		ca,
		id: isText(ca.id) ? ca.id : "?" + i,
		name: shown(isText(ca.name) ? ca.name : ca.id),
		state: STATES.includes(ca.state) ? ca.state : "",
		past: ca.state === "retired" || ca.state === "revoked",
		from: Date.parse(ca.not_before), to: Date.parse(ca.not_after),
		parent: null, children: [], open: true, found: true, below: 0,
		text: JSON.stringify([ca.name, ca.subject, ca.id, ca.state, ca.algorithm, ca.serial, ca.fingerprint,
			ca.effective_name_constraints, ca.key_driver_id, ca.metadata]).toLowerCase(),
	}));
	const known = new Map();
	for (const n of nodes)
		if (!known.has(n.id))
			known.set(n.id, n);
	const isAbove = (n, other) => {
		for (; other; other = other.parent)
			if (other === n)
				return true;
		return false;
	};
	for (const n of nodes) {
		const parent = known.get(n.ca.parent_ca_id);
		if (!parent || isAbove(n, parent))
			continue;
		n.parent = parent;
		parent.children.push(n);
		for (let up = parent; up; up = up.parent)
			up.below += 1 + n.below;
	}
	const roots = nodes.filter((n) => !n.parent);
	/* One line more where one of them has something to say on it. */
	const boxHeight = NODE.height + (nodes.some((n) => limits(n).length) ? LINE : 0);
	const depth = (n) => n.parent ? 1 + depth(n.parent) : 0;

	let chosen = null, current = roots[0] || null, years = 0;

	const visible = () => {
		const list = [];
		const add = (n, level) => {
			n.level = level;
			list.push(n);
			if (n.open)
				n.children.forEach((child) => add(child, level + 1));
		};
		roots.forEach((n) => add(n, 0));
		return list;
	};

	/* ---- words ---- */

	const day = (t) => new Date(t).toISOString().slice(0, 10);
	const span = (ms) => {
		for (const [unit, name] of [[365 * DAY, "years"], [DAY, "days"], [3600e3, "hours"]])
			if (ms >= 2 * unit)
				return Math.floor(ms / unit) + " " + name;
		return Math.floor(ms / 60e3) + " minutes";
	};
	const fromNow = (t) => t < now ? span(now - t) + " ago" : "in " + span(t - now);
	const moment = (t) => Number.isNaN(t) ? "unknown" :
		new Date(t).toISOString().slice(0, 19).replace("T", " ") + " UTC (" + fromNow(t) + ")";
	const urgency = (n) => Number.isNaN(n.to) || n.past || n.to - now >= NEAR ? "" : n.to - now < NEXT ? "over" : "near";
	const ending = (n) => Number.isNaN(n.to) ? "" : n.to < now ? "expired " + day(n.to) :
		n.to - now < NEAR ? "expires " + fromNow(n.to) : "until " + day(n.to);
	const offline = (n) => n.ca.key_driver_id === null;
	const outside = (n) => n.ca.outside_ledger === true;
	const key = (n) => outside(n) ? "outside this ledger" : n.ca.key_state === "gone" ? "key gone" : offline(n) ? "key offline" : shown(n.ca.algorithm);
	const pathLength = (n) => Number.isInteger(n.ca.path_len_constraint) ? "path length " + n.ca.path_len_constraint : "any path length";
	const stateWord = (n) => (shown(n.ca.state) || "unknown") + (isText(n.ca.held) ? ", held" : "");
	const stateClass = (n) => isText(n.ca.held) ? "held" : n.state;

	/* As much of a text as fits. */
	const ruler = document.createElement("canvas").getContext("2d");
	const family = getComputedStyle(document.body).fontFamily;
	const fit = (text, width, font) => {
		ruler.font = font + " " + family;
		if (ruler.measureText(text).width <= width)
			return text;
		const points = Array.from(text);
		let low = 0, high = points.length;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (ruler.measureText(points.slice(0, middle).join("") + "…").width <= width)
				low = middle;
			else
				high = middle - 1;
		}
		return points.slice(0, low).join("") + "…";
	};

	/* ---- the tree ---- */

	/* A CA without visible children takes a row of its own; the others stand in the middle of theirs,
	   though not so far down that one has to look for them. */
	const place = (list) => {
		let rows = 0;
		for (let i = list.length - 1; i >= 0; i--)
			list[i].y = null;
		const settle = (n) => {
			if (!n.open || !n.children.length) {
				n.y = NODE.margin + rows++ * (boxHeight + NODE.gap);
				return;
			}
			n.children.forEach(settle);
			const first = n.children[0].y, last = n.children[n.children.length - 1].y;
			n.y = first + Math.min((last - first) / 2, 3 * (boxHeight + NODE.gap));
		};
		roots.forEach(settle);
		for (const n of list)
			n.x = NODE.margin + n.level * NODE.column;
		return rows;
	};

	const toggleMark = (n) => {
		const mark = draw("g", { class: "toggle", "aria-hidden": "true", transform: `translate(${NODE.width},${boxHeight / 2})` },
			draw("circle", { r: n.open ? 8 : 8 + 3 * String(n.below).length }),
			draw("text", { y: 4 }, n.open ? "−" : "+" + n.below),
			draw("title", {}, n.open ? "Fold" : `Show the ${n.below} below`));
		mark.addEventListener("click", (event) => {
			event.stopPropagation();
			n.open = !n.open;
			render();
		});
		return mark;
	};

	const nodeMark = (n) => {
		const inner = NODE.width - 34;
		const box = draw("g", {
			class: ["node", stateClass(n), n.past ? "past" : "", n.found ? "" : "unmatched"].join(" "),
			transform: `translate(${n.x},${n.y})`, role: "treeitem", tabindex: n === current ? 0 : -1,
			"data-id": n.id, "aria-level": n.level + 1, "aria-selected": n === chosen,
			"aria-label": [n.name, stateWord(n), ending(n), key(n), pathLength(n)].join(", "),
		});
		if (n.children.length)
			box.setAttribute("aria-expanded", n.open);
		box.append(
			draw("title", {}, n.name + "\n" + shown(n.ca.subject)),
			draw("rect", { class: "box", width: NODE.width, height: boxHeight, rx: 7 }),
			draw("rect", { class: "edge", x: 0, y: 7, width: 5, height: boxHeight - 14, rx: 2 }),
			draw("text", { class: "name", x: 14, y: 20 }, fit(n.name, inner, "600 13px")),
			draw("text", { x: 14, y: 20 + LINE }, draw("tspan", { class: "state" }, stateWord(n)),
				draw("tspan", { class: urgency(n) || "soft" }, ending(n) ? ", " + ending(n) : "")),
			draw("text", { class: "soft", x: 14, y: 20 + 2 * LINE }, fit(pathLength(n) + ", " + key(n), inner, "12px")),
			draw("text", { class: "soft", x: 14, y: 20 + 3 * LINE }, fit(limits(n).join(", "), inner, "12px")));
		if (n.children.length)
			box.append(toggleMark(n));
		box.addEventListener("click", () => choose(n));
		box.addEventListener("focus", () => { current = n; });
		return box;
	};

	const renderTree = (list) => {
		const rows = place(list), links = [], marks = [];
		let levels = 0;
		for (const n of list) {
			levels = Math.max(levels, n.level + 1);
			marks.push(nodeMark(n));
			if (!n.parent)
				continue;
			const x = n.parent.x + NODE.width, middle = n.x - 22;
			links.push(draw("path", { class: "link",
				d: `M${x} ${n.parent.y + boxHeight / 2}H${middle}V${n.y + boxHeight / 2}H${n.x}` }));
		}
		const width = 2 * NODE.margin + (levels - 1) * NODE.column + NODE.width + 14;
		const height = 2 * NODE.margin + rows * (boxHeight + NODE.gap) - NODE.gap;
		const svg = at("tree"), focused = svg.contains(document.activeElement);
		for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` }))
			svg.setAttribute(name, value);
		svg.replaceChildren(...links, ...marks);
		if (focused)
			focusOn(current);
	};

	const markOf = (n) => n && at("tree").querySelector(`[data-id="${CSS.escape(n.id)}"]`);
	const focusOn = (n) => {
		const mark = markOf(n);
		if (!mark)
			return;
		const before = markOf(current);
		if (before)
			before.setAttribute("tabindex", -1);
		current = n;
		mark.setAttribute("tabindex", 0);
		mark.focus({ preventScroll: true });
		mark.scrollIntoView({ block: "nearest", inline: "nearest" });
	};

	/* ---- the years ---- */

	const period = (list) => {
		if (years)
			return [now - years * YEAR / 8, now + years * YEAR];
		const ends = list.flatMap((n) => [n.from, n.to]).filter((t) => !Number.isNaN(t));
		const first = Math.min(now, ...ends), last = Math.max(now, ...ends);
		return [first - (last - first) * 0.02 - DAY, last + (last - first) * 0.02 + DAY];
	};

	/* Lines at whole years, or months, so that about ten are seen. */
	const ticks = (first, last) => {
		const months = (last - first) / YEAR * 12;
		const step = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((s) => months / s <= 10) || 12000;
		const list = [], start = new Date(first);
		const from = start.getUTCFullYear() * 12 + start.getUTCMonth();
		for (let m = Math.ceil(from / step) * step; ; m += step) {
			const t = Date.UTC(Math.floor(m / 12), m % 12, 1);
			if (t > last)
				return list;
			if (t >= first)
				list.push([t, step < 12 ? day(t).slice(0, 7) : day(t).slice(0, 4)]);
		}
	};

	const barMark = (n, i, first, last, x, width) => {
		const y = TIME.head + i * TIME.row, left = Math.max(n.from, first), right = Math.min(n.to, last);
		const row = draw("g", { class: ["row", stateClass(n), n.past ? "past" : "", n.found ? "" : "unmatched",
			n === chosen ? "chosen" : ""].join(" "), "data-id": n.id },
			draw("title", {}, `${n.name}: ${stateWord(n)}, from ${moment(n.from)} to ${moment(n.to)}`),
			draw("rect", { class: "ground", x: 0, y, width, height: TIME.row }));
		const indent = Math.min(n.level, 8) * 12;
		row.append(draw("text", { x: 12 + indent, y: y + 17, class: n.past ? "soft" : "" },
			fit(n.name, TIME.gutter - 22 - indent, "12px")));
		row.addEventListener("click", () => choose(n));
		if (right < first || left > last || !(left <= right)) {
			row.append(draw("text", { class: "soft", x: x(right < first ? first : last) + (right < first ? 4 : -96), y: y + 17 },
				Number.isNaN(n.to) ? "" : right < first ? "ended " + day(n.to) : "from " + day(n.from)));
			return row;
		}
		row.append(draw("rect", { class: "bar", x: x(left), y: y + 7, width: Math.max(3, x(right) - x(left)), height: 11, rx: 3 }));
		if (n.to <= last)
			row.append(draw("text", { class: urgency(n) || "soft", x: Math.max(x(right), x(left) + 3) + 6, y: y + 17 },
				urgency(n) ? (n.to < now ? "expired" : fromNow(n.to)) : day(n.to)));
		return row;
	};

	const renderTime = (list) => {
		const svg = at("time"), width = Math.max(TIME.gutter + TIME.least, svg.parentNode.clientWidth);
		const height = TIME.head + list.length * TIME.row + 10;
		const [first, last] = period(list);
		const x = (t) => TIME.gutter + (t - first) / (last - first) * (width - TIME.gutter - TIME.end);
		const lines = ticks(first, last).flatMap(([t, word]) => [
			draw("line", { class: "tick", x1: x(t), x2: x(t), y1: TIME.head - 4, y2: height }),
			draw("text", { class: "soft", x: x(t), y: 17, "text-anchor": "middle" }, Math.abs(x(t) - x(now)) < 42 ? "" : word)]);
		const today = [draw("line", { class: "today", x1: x(now), x2: x(now), y1: TIME.head - 8, y2: height }),
			draw("text", { class: "today", x: x(now), y: 17, "text-anchor": "middle" }, "today")];
		for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` }))
			svg.setAttribute(name, value);
		const rows = list.map((n, i) => barMark(n, i, first, last, x, width));
		svg.replaceChildren(...lines, ...rows, ...today);
	};

	/* ---- one CA ---- */

	const detail = (list, name, value, kind) => {
		const inner = Array.isArray(value) ? make("ul", {}, ...value.map((v) => make("li", {}, v))) : value;
		list.append(make("dt", {}, name), make("dd", kind ? { class: kind } : {}, inner === "" ? "–" : inner));
	};

	const chain = (n) => {
		const list = make("ol", { class: "chain" });
		for (let up = n; up; up = up.parent) {
			const link = make("button", { type: "button" }, up.name);
			const target = up;
			link.addEventListener("click", () => choose(target, true));
			list.prepend(make("li", {}, up === n ? "└ " + n.name : link));
		}
		return list;
	};

	const renderDetails = () => {
		const box = at("details"), n = chosen;
		if (!n) {
			box.replaceChildren(make("p", { class: "hint" }, nodes.length ? "Choose a CA to read what it is and what it may sign." :
				"There are no CAs yet."));
			return;
		}
		const ca = n.ca, list = make("dl", {}), own = subtrees(ca.name_constraints), whole = limits(n);
		detail(list, "State", make("span", { class: "state " + stateClass(n) }, stateWord(n)));
		if (isText(ca.held))
			detail(list, "Held", make("span", { class: "over" }, shown(ca.held)));
		detail(list, "Subject", shown(ca.subject));
		detail(list, "Chain", chain(n));
		detail(list, "Valid from", moment(n.from));
		detail(list, "Valid to", make("span", { class: urgency(n) }, moment(n.to)));
		const nameOf = (id) => { const other = nodes.find((o) => o.ca.id === id); return other ? other.name : shown(id); };
		const next = ca.next_rotation && typeof ca.next_rotation === "object" ? ca.next_rotation : {};
		if (isText(ca.predecessor_ca_id))
			detail(list, "Follows", nameOf(ca.predecessor_ca_id));
		if (isText(ca.successor_ca_id))
			detail(list, "Followed by", nameOf(ca.successor_ca_id));
		if (isText(next.prepare_at) && isText(next.activate_at))
			detail(list, "Successor", "made on " + moment(Date.parse(next.prepare_at)) + ", takes over on " +
				moment(Date.parse(next.activate_at)));
		detail(list, "Path length", Number.isInteger(ca.path_len_constraint) ? ca.path_len_constraint === 0 ?
			"0: no CA below it" : ca.path_len_constraint + ": so many levels of CAs below it" : "none stated");
		detail(list, "Constraints", whole.length ? whole : "none: any name");
		detail(list, "Of its own", own.length ? own : "none stated");
		detail(list, "Algorithm", shown(ca.algorithm));
		detail(list, "Key", ca.key_state === "gone" ? "destroyed in its token" : outside(n) ?
			"somebody else's: what it signs is outside this ledger" : offline(n) ?
			"offline: not on this service, which signs nothing with it" : shown(ca.key_driver_id), "code");
		detail(list, "Serial", shown(ca.serial), "code");
		detail(list, "SHA-256", shown(ca.fingerprint), "code");
		detail(list, "Id", shown(ca.id), "code");
		detail(list, "Issuer's id", shown(ca.owning_issuer_id), "code");
		detail(list, "Ledger record", shown(ca.ledger_seq));
		for (const [name, value] of Object.entries(ca.metadata && typeof ca.metadata === "object" ? ca.metadata : {}))
			detail(list, shown(name), shown(value));
		box.replaceChildren(make("h3", {}, n.name), list);
		if (isText(ca.certificate_pem))
			box.append(make("details", {}, make("summary", {}, "Certificate (PEM)"), make("pre", {}, ca.certificate_pem)));
		box.scrollTop = 0;
	};

	/* ---- what is done with them ---- */

	const render = () => {
		const list = visible();
		if (current && !list.includes(current))
			current = list[0] || null;
		renderTree(list);
		renderTime(list);
	};

	const reveal = (n) => {
		for (let up = n.parent; up; up = up.parent)
			up.open = true;
	};

	const choose = (n, move) => {
		chosen = current = n;
		reveal(n);
		render();
		renderDetails();
		history.replaceState(null, "", "#" + encodeURIComponent(n.id));
		if (move)
			focusOn(n);
		else
			markOf(n).scrollIntoView({ block: "nearest", inline: "nearest" });
	};

	const fold = (n, open) => {
		n.open = open;
		render();
	};

	const treeKeys = (event) => {
		const list = visible(), i = list.indexOf(current), n = current;
		const to = { ArrowDown: list[i + 1], ArrowUp: list[i - 1], Home: list[0], End: list[list.length - 1] }[event.key];
		if (!n || event.ctrlKey || event.altKey || event.metaKey)
			return;
		if (to)
			focusOn(to);
		else if (event.key === "ArrowRight" && n.children.length)
			n.open ? focusOn(n.children[0]) : fold(n, true);
		else if (event.key === "ArrowLeft" && n.open && n.children.length)
			fold(n, false);
		else if (event.key === "ArrowLeft" && n.parent)
			focusOn(n.parent);
		else if (event.key === "Enter" || event.key === " ")
			choose(n, true);
		else
			return;
		event.preventDefault();
	};

	const search = () => {
		const words = at("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
		for (const n of nodes)
			n.found = words.every((word) => n.text.includes(word));
		const hits = nodes.filter((n) => n.found);
		at("found").textContent = words.length ? `${hits.length} of ${nodes.length}` : "";
		if (words.length)
			hits.slice(0, SHOWN_AT_FIRST).forEach(reveal);
		render();
		const first = words.length && markOf(hits[0]);
		if (first)
			first.scrollIntoView({ block: "center", inline: "center" });
	};

	const searchKeys = (event) => {
		const hits = nodes.filter((n) => n.found);
		if (event.key === "Enter" && at("search").value.trim() && hits.length)
			choose(hits[(hits.indexOf(chosen) + 1) % hits.length]);
	};

	/* As many levels as are seen at a glance, but never a root alone. */
	const foldDeep = () => {
		const count = [];
		for (const n of nodes)
			count[depth(n)] = (count[depth(n)] || 0) + 1;
		let levels = 0, sum = 0;
		while (levels < count.length && (sum += count[levels]) <= SHOWN_AT_FIRST)
			levels++;
		for (const n of nodes)
			n.open = depth(n) + 1 < Math.max(levels, 2);
	};

	const setAll = (open) => () => {
		for (const n of nodes)
			n.open = open;
		render();
	};

	const legend = () => {
		const mark = (kind, text) => make("li", {}, make("i", { class: "state " + kind }), text);
		const count = (state) => nodes.filter((n) => n.state === state).length;
		const list = STATES.filter(count).map((state) => mark(state, `${count(state)} ${state}`));
		const held = nodes.filter((n) => isText(n.ca.held)).length, others = nodes.filter(outside).length,
			away = nodes.filter(offline).length - others;
		if (held)
			list.push(mark("held", `${held} held: issues nothing`));
		if (others)
			list.push(mark("none", `${others} outside this ledger`));
		if (away)
			list.push(mark("none", `${away} with the key offline`));
		at("legend").replaceChildren(...list);
		const near = nodes.filter((n) => urgency(n)).length, s = (k, one, more) => k + " " + (k === 1 ? one : more);
		at("summary").textContent = `${s(nodes.length, "CA", "CAs")} in ${s(roots.length, "tree", "trees")}, as of ` +
			`${shown(given.drawn_at).replace("T", " ").replace("Z", " UTC")}` +
			(near ? `; ${s(near, "expires", "expire")} within 90 days` : "");
	};

	const rangeButtons = () => at("ranges").replaceChildren(...RANGES.map(([name, n]) => {
		const button = make("button", { type: "button", "aria-pressed": n === years }, name);
		button.addEventListener("click", () => {
			years = n;
			rangeButtons();
			renderTime(visible());
		});
		return button;
	}));

	const start = () => {
		foldDeep();
		legend();
		rangeButtons();
		at("tree").addEventListener("keydown", treeKeys);
		at("search").addEventListener("input", search);
		at("search").addEventListener("keydown", searchKeys);
		at("expand").addEventListener("click", setAll(true));
		at("collapse").addEventListener("click", setAll(false));
		window.addEventListener("resize", () => renderTime(visible()));
		let wanted = "";
		try {
			wanted = decodeURIComponent(location.hash.slice(1));
		} catch (e) {
			/* no id of ours */
		}
		render();
		renderDetails();
		if (known.has(wanted))
			choose(known.get(wanted));
	};
	start();
})();
