// Draws the topics' description: servers, channels, their messages and what each member may hold. Loads nothing from
// outside and uses no innerHTML.
"use strict";

const DEEPEST = 12;

const make = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const facts = (pairs) => {
  const list = make("dl");
  for (const [name, held] of pairs) {
    if (!held) continue;
    const said = make("dd");
    said.append(held);
    list.append(make("dt", name), said);
  }
  return list;
};

const drawing = (description) => {
  const resolve = (held) => {
    if (!held || !held.$ref) return held || {};
    const { $ref, ...beside } = held;
    const found = $ref.slice(2).split("/").reduce((inner, step) => inner[step.replace(/~1/g, "/").replace(/~0/g, "~")], description);
    return { ...resolve(found), ...beside };
  };

  const kind = (given) => {
    const schema = resolve(given);
    const choices = schema.anyOf || schema.oneOf;
    if ("const" in schema) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (choices) return [...new Set(choices.map(kind))].join(" | ");
    if (schema.type === "array") return `array of ${schema.items ? kind(schema.items) : "anything"}`;
    return [schema.type || "any"].flat().join(" | ");
  };

  const bounds = (schema) => {
    const said = ["minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern", "default"]
      .filter((name) => schema[name] !== undefined && schema[name] !== "")
      .map((name) => `${name} ${typeof schema[name] === "string" ? schema[name] : JSON.stringify(schema[name])}`);
    return said.join(" · ");
  };

  const member = (name, given, required, depth) => {
    const schema = resolve(given);
    const item = make("li");
    item.append(make("code", name), " ", make("small", kind(schema)));
    if (required) item.append(" ", make("mark", "필수 · required"));
    const more = [bounds(schema), schema.description].filter(Boolean).join(" — ");
    if (more) item.append(" ", make("small", more));
    const inner = within(schema, depth + 1);
    if (inner) item.append(inner);
    return item;
  };

  // What has members of its own: an object, the elements of a list, each of several choices.
  const within = (given, depth) => {
    const schema = resolve(given);
    if (depth > DEEPEST) return null;
    if (schema.properties) return members(schema, depth);
    if (schema.items) return within(schema.items, depth);
    const choices = (schema.anyOf || schema.oneOf || []).map(resolve).filter((one) => one.properties || one.items || one.anyOf || one.oneOf);
    if (choices.length === 1) return within(choices[0], depth);
    if (!choices.length) return null;
    const list = make("ul", "", { class: "members" });
    for (const choice of choices) {
      const held = make("li");
      held.append(make("small", choice.title || kind(choice)), within(choice, depth + 1) || "");
      list.append(held);
    }
    return list;
  };

  const members = (schema, depth) => {
    const list = make("ul", "", { class: "members" });
    const required = new Set(schema.required || []);
    for (const [name, held] of Object.entries(schema.properties)) list.append(member(name, held, required.has(name), depth));
    return list;
  };

  const message = (given) => {
    const held = resolve(given);
    const details = make("details");
    const panel = make("div");
    details.append(make("summary", held.title || held.name), panel);
    // Drawn when it is looked at: a feed message has hundreds of members.
    details.addEventListener("toggle", () => {
      if (!details.open || panel.firstChild) return;
      const key = held.bindings && held.bindings.kafka && held.bindings.kafka.key;
      panel.append(
        facts([["type", make("code", held.name)], ["content type", held.contentType], ["key", key && key.description]]),
        within(held.payload, 0) || "",
      );
    });
    return details;
  };

  const channel = (name, held) => {
    const section = make("section");
    const using = Object.values(description.operations).filter((one) => resolve(one.channel) === held || one.channel.$ref === `#/channels/${name}`);
    const parameters = Object.entries(held.parameters || {}).map(([one, about]) => `{${one}}: ${about.description}`).join("\n");
    const heading = make("h2");
    heading.append(make("code", held.address));
    section.append(heading, make("p", held.description));
    section.append(facts([["허브 · hub", using.map((one) => `${one.action} — ${one.summary}`).join("\n")], ["", parameters]]));
    for (const one of Object.values(held.messages)) section.append(message(one));
    return section;
  };

  const server = (name, held) => {
    const section = make("section");
    const security = (held.security || []).map((one) => resolve(one).description).join("\n");
    section.append(make("h2", name), make("p", held.description));
    section.append(facts([["host", make("code", held.host)], ["protocol", held.protocol], ["security", make("span", security)]]));
    return section;
  };

  return { channel, server };
};

const draw = (description) => {
  const main = document.getElementById("channels");
  const { channel, server } = drawing(description);
  document.getElementById("about").textContent = description.info.description;
  main.textContent = "";
  for (const [name, held] of Object.entries(description.channels)) main.append(channel(name, held));
  for (const [name, held] of Object.entries(description.servers)) main.append(server(name, held));
  // An address may name one message: /docs/asyncapi#fhir-r4-bundle-v1
  const wanted = decodeURIComponent(location.hash.slice(1));
  for (const one of main.querySelectorAll("details")) if (wanted && one.firstChild.textContent.endsWith(wanted)) one.open = true;
};

fetch("/asyncapi.json").then((answer) => answer.json()).then(draw).catch(() => {
  document.getElementById("channels").textContent = "asyncapi.json을 읽지 못했습니다 · cannot be read";
});
