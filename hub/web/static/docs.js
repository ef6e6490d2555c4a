// Draws the API's description and sends requests by hand. Loads nothing from outside, stores nothing, uses no innerHTML:
// what an answer holds is shown as text only.
"use strict";

const make = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const field = (parameter) => {
  const label = make("label", `${parameter.name} (${parameter.in})${parameter.required ? " *" : ""}`);
  if (parameter.description) label.append(make("small", ` ${parameter.description}`));
  const input = make("input", "", { "data-name": parameter.name, "data-in": parameter.in });
  const fallback = parameter.schema && parameter.schema.default;
  if (fallback !== undefined && fallback !== null) input.placeholder = String(fallback);
  label.append(input);
  return label;
};

const address = (path, inputs) => {
  const query = new URLSearchParams();
  let filled = path;
  for (const input of inputs) {
    const { name, in: place } = input.dataset;
    if (place === "path") filled = filled.replace(new RegExp(`\\{${name}(:path)?\\}`), input.value.split("/").map(encodeURIComponent).join("/"));
    if (place === "query" && input.value) query.set(name, input.value);
  }
  return query.size ? `${filled}?${query}` : filled;
};

const headers = (inputs, type) => {
  const found = type ? { "Content-Type": type } : {};
  const token = document.getElementById("token").value.trim();
  if (token) found.Authorization = `Bearer ${token}`;
  for (const input of inputs) if (input.dataset.in === "header" && input.value) found[input.dataset.name] = input.value;
  return found;
};

const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const send = async (path, method, panel, type, output) => {
  const inputs = [...panel.querySelectorAll("input")];
  const body = panel.querySelector("textarea");
  output.textContent = "…";
  try {
    const answer = await fetch(address(path, inputs), { method, headers: headers(inputs, type), body: body && body.value ? body.value : undefined });
    output.textContent = `${answer.status} ${answer.statusText}\n${pretty(await answer.text())}`;
  } catch (error) {
    output.textContent = `허브에 닿지 않습니다 · the hub does not answer (${error.message})`;
  }
};

const operation = (path, method, described) => {
  const details = make("details");
  const summary = make("summary");
  summary.append(make("b", method.toUpperCase()), path);
  const panel = make("div");
  panel.append(make("p", described.description || described.summary || ""));
  for (const parameter of described.parameters || []) panel.append(field(parameter));
  const content = described.requestBody && described.requestBody.content;
  const type = content && Object.keys(content)[0];
  if (type) {
    const label = make("label", `body (${type})`);
    label.append(make("textarea", "", { spellcheck: "false" }));
    panel.append(label);
  }
  const button = make("button", "보내기 · send", { type: "button" });
  const output = make("pre", "");
  button.addEventListener("click", () => send(path, method.toUpperCase(), panel, type, output));
  panel.append(button, output);
  details.append(summary, panel);
  return details;
};

const draw = (description) => {
  const main = document.getElementById("operations");
  document.getElementById("about").textContent = description.info.description;
  main.textContent = "";
  const groups = new Map();
  for (const [path, methods] of Object.entries(description.paths))
    for (const [method, described] of Object.entries(methods)) {
      const tag = (described.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(path, method, described));
    }
  for (const [tag, operations] of groups) main.append(make("h2", tag), ...operations);
};

document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());
fetch("/openapi.json").then((answer) => answer.json()).then(draw).catch(() => {
  document.getElementById("operations").textContent = "openapi.json을 읽지 못했습니다 · cannot be read";
});
