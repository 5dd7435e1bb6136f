// Uses Swagger UI as a front desk does: authorises, creates a clinic, a staff member and a patient, looks for free slots, books,
// and gets a refusal. It sends the examples of the page. It types only ids that an earlier response showed, and the one
// parameter of the search that has no default.
//
//   API=… TOKEN=… CHROMIUM=… node front-desk.mjs FOLDER-FOR-SCREENSHOTS

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(new URL("../../.ci/package.json", import.meta.url))("playwright-core");
const { API, TOKEN, CHROMIUM } = process.env;
const [folder] = process.argv.slice(2);
// Stops a run that hangs, as in the tests in Rust. No check depends on the speed of the machine.
const DEADLINE = 300_000;

const served = await (await fetch(`${API}/openapi.json`)).json();
const operations = Object.values(served.paths).flatMap((path) => Object.values(path));
const browser = await chromium.launch({ executablePath: CHROMIUM, chromiumSandbox: process.getuid() !== 0 });
const errors = [];
let page;

// Opens the page in a new profile, without cache and storage.
async function visit() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
  });
  await page.addInitScript(() => {
    const seen = new MutationObserver(() => {
      if (!document.querySelector(".opblock-tag-section")) return;
      seen.disconnect();
      requestAnimationFrame(() => setTimeout(() => (window.readyAfter = performance.now())));
    });
    seen.observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${API}/docs/`);
  return ready();
}

// Waits until the list of operations is painted. Returns the milliseconds since the navigation began.
async function ready() {
  await page.waitForFunction(() => window.readyAfter !== undefined);
  return page.evaluate(() => Math.round(window.readyAfter));
}

const sections = () => page.locator(".opblock-tag-section");
const tags = () => sections().locator("h3").evaluateAll((titles) => titles.map((title) => title.dataset.tag));

// Opens the section of a tag.
async function open(tag) {
  const title = sections().locator(`h3[data-tag="${tag}"]`);
  if ((await title.getAttribute("data-is-open")) !== "true") await title.click();
}

// The parameters of an operation, without references.
function parameters(operation) {
  const resolved = (part) => (part.$ref ? part.$ref.split("/").slice(1).reduce((at, name) => at[name], served) : part);
  return (operation.parameters ?? []).map(resolved).map((one) => ({ ...one, schema: resolved(one.schema) ?? {} }));
}

// Expands an operation, waits for its form, and checks that no optional parameter is prefilled. A default may be, because to
// send it changes nothing.
async function expand(id) {
  const operation = operations.find((one) => one.operationId === id);
  await open(operation.tags[0]);
  const block = sections().locator(`.opblock[id$="-${id}"]`);
  const summary = block.locator(".opblock-summary-control");
  if ((await summary.getAttribute("aria-expanded")) === "true") return block;
  await summary.click();
  await block.getByRole("button", { name: "Execute", exact: true }).waitFor();
  for (const { name, required, schema } of parameters(operation)) {
    const input = block.locator(`tr[data-param-name="${name}"]`).locator("input, select").first();
    const value = await input.inputValue();
    assert.ok(required || value === "" || value === String(schema.default), `${id}: ${name} is prefilled: ${value}`);
  }
  return block;
}

// Executes an operation: types `values` into parameters, chooses the `example` with this title, and replaces its `ids`. Returns
// the body of the response, as the page shows it.
async function execute(id, expected, { values = {}, example, ids } = {}) {
  const block = await expand(id);
  for (const [name, value] of Object.entries(values)) {
    await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
  if (example) await block.locator(".opblock-section-request-body .examples-select-element").selectOption({ label: example });
  if (ids) {
    const text = block.locator("textarea.body-param__text");
    const body = JSON.parse(await text.inputValue());
    for (const name of Object.keys(ids)) assert.ok(name in body, `${id}: the example has no ${name}`);
    await text.fill(JSON.stringify({ ...body, ...ids }, null, 2));
  }
  const clear = block.getByRole("button", { name: "Clear", exact: true });
  if (await clear.isVisible()) await clear.click();
  await block.getByRole("button", { name: "Execute", exact: true }).click();
  const response = block.locator(".live-responses-table tr.response");
  const status = (await response.locator(".response-col_status").innerText()).trim().split(/\s/)[0];
  const shown = await response.locator(".response-col_description .highlight-code code").first().innerText();
  assert.equal(status, String(expected), `${id}: ${shown}`);
  console.log(`${id}: ${status}`);
  return JSON.parse(shown);
}

// Writes a screenshot of one screen, with the element at the top.
async function screenshot(name, element) {
  await element.evaluate((shown) => shown.scrollIntoView({ block: "start", behavior: "instant" }));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, name), animations: "disabled" });
}

// The first visit warms the service.
await visit();
await page.context().close();
console.log(`ready after ${await visit()} ms in a new profile`);

const order = await tags();
assert.deepEqual(order, served.tags.map((tag) => tag.name), "tags as in the document");
const day = ["clinics", "staff", "patients", "availability", "appointments", "webhooks", "operations"];
assert.deepEqual(order.filter((tag) => day.includes(tag)), day, "tags in the order of a day's work");
assert.equal(await page.locator("section.models").count(), 1);
assert.equal(await page.locator("section.models.is-open").count(), 0, "schemas are collapsed");
assert.equal(await page.locator(".webhooks .authorization__btn").count(), 0, "webhooks without a lock");
for (const operation of operations) {
  for (const { name, required, schema, example, examples } of parameters(operation)) {
    const prefilled = example ?? examples ?? schema.example;
    assert.ok(required || prefilled === undefined, `${operation.operationId}: ${name} has an example`);
  }
}

const filter = page.locator(".operation-filter-input");
await filter.fill("avail");
await page.waitForFunction(() => document.querySelectorAll(".opblock-tag-section").length === 1);
assert.deepEqual(await tags(), ["availability"], "filtered tags");
await filter.fill("");
await page.waitForFunction((count) => document.querySelectorAll(".opblock-tag-section").length === count, order.length);

const authorise = page.locator(".scheme-container .btn.authorize");
await authorise.click();
await page.getByLabel("auth-bearer-value").fill(TOKEN);
await page.locator(".auth-btn-wrapper").getByRole("button", { name: "Apply credentials" }).click();
await page.locator(".auth-btn-wrapper").getByRole("button", { name: "Close" }).click();
await page.reload();
console.log(`ready after ${await ready()} ms when reloaded`);
assert.match(await authorise.getAttribute("class"), /\blocked\b/, "still authorised after a reload");
await screenshot("swagger-ui.png", page.locator(".scheme-container"));

for (const tag of order) await open(tag);
assert.equal(await sections().locator(".opblock").count(), operations.length, "operations on the page");
// Two operations with many optional parameters.
for (const id of ["list_clinic_appointments", "update_appointment"]) await expand(id);

const { id: clinic_id } = await execute("create_clinic", 201);
const { id: staff_id } = await execute("create_staff_member", 201, { values: { clinic_id } });
const { id: patient_id } = await execute("create_patient", 201, { example: "With a record number" });
const { slots } = await execute("list_availability", 200, { values: { clinic_id, duration_minutes: "30" } });
assert.ok(slots.length > 0 && slots.every((slot) => slot.staff_id === staff_id), "no free slots");
const booking = { values: { clinic_id }, example: "By length", ids: { staff_id, patient_id } };
const booked = await execute("create_appointment", 201, booking);
assert.equal(booked.status, "scheduled");
const refusal = await execute("create_appointment", 409, booking);
assert.equal(refusal.code, "staff_busy");
assert.ok(refusal.nearest_free.length > 0, "no nearest free starts");
const block = await expand("create_appointment");
await screenshot("swagger-ui-refusal.png", block.locator(".responses-wrapper"));

// Swagger UI shows faults of the document here.
assert.deepEqual(await page.locator(".errors-wrapper").allInnerTexts(), [], "errors on the page");
// The browser reports each refused request.
const unexpected = errors.filter((error) => !(error.includes("409") && error.endsWith(`/v1/clinics/${clinic_id}/appointments`)));
assert.deepEqual(unexpected, [], "errors in the console");
await browser.close();
