// The tasks of a front desk, with the types that openapi-typescript generates from the document, and openapi-fetch.

import createClient from "openapi-fetch";
import type { components, paths } from "./clinic-api.js";

declare const process: { env: { API: string; TOKEN: string } };

const client = createClient<paths>({
  baseUrl: process.env.API,
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
});
const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);

function must<T>(answer: { data?: T; error?: unknown }): NonNullable<T> {
  if (answer.data == null) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

const zone = "Europe/Zurich";
const clinic = must(await client.POST("/v1/clinics", { body: { name: "Seefeld Family Practice", time_zone: zone } }));
const at = { clinic_id: clinic.id };
const staff = must(
  await client.POST("/v1/clinics/{clinic_id}/staff", {
    params: { path: at },
    body: { name: "Dr. Anna Keller", role: "physician" },
  }),
);
const patient = must(
  await client.POST("/v1/patients", { body: { name: "Ida Example", birth_date: "1984-02-29" } }),
);
check(staff.active && patient.birth_date === "1984-02-29" && patient.name.text === "Ida Example", patient);

const free = must(
  await client.GET("/v1/clinics/{clinic_id}/availability", {
    params: { path: at, query: { from: day, to: day, duration_minutes: 30, staff_id: staff.id } },
  }),
);
check(free.slots[0]?.staff_id === staff.id, free);

const booking: components["schemas"]["AppointmentIn"] = {
  staff_id: staff.id,
  patient_id: patient.id,
  start: `${day}T09:00:00`,
  duration_minutes: 30,
  reason: "check-up",
};
const book = (header: { "Idempotency-Key"?: string }) =>
  client.POST("/v1/clinics/{clinic_id}/appointments", { params: { path: at, header }, body: booking });
const booked = must(await book({ "Idempotency-Key": "one" }));
check(booked.status === "scheduled", booked);
check(must(await book({ "Idempotency-Key": "one" })).id === booked.id, "another booking");
const refused = await book({});
check(refused.error?.code === "staff_busy", refused.error);

const listed = must(
  await client.GET("/v1/clinics/{clinic_id}/appointments", {
    params: { path: at, query: { date: day, status: "scheduled" } },
  }),
);
check(listed.items.length === 1 && listed.items[0]?.id === booked.id, listed);

const one = { clinic_id: clinic.id, appointment_id: booked.id };
const moved = must(
  await client.POST("/v1/clinics/{clinic_id}/appointments/{appointment_id}/reschedule", {
    params: { path: one, header: { "If-Match": '"1"' } },
    body: { start: `${day}T10:00:00` },
  }),
);
check(Date.parse(moved.start) - Date.parse(booked.start) === 3_600_000, moved);

const cancelled = must(
  await client.POST("/v1/clinics/{clinic_id}/appointments/{appointment_id}/cancel", {
    params: { path: one },
    body: { reason: "ill" },
  }),
);
check(cancelled.status === "cancelled" && cancelled.cancellation_reason === "ill", cancelled);

const webhook = must(
  await client.POST("/v1/webhooks", {
    body: { url: "https://hooks.example.org/clinic", event_types: ["clinic.appointment.booked.v1"] },
  }),
);
const path = { webhook_id: webhook.id };
check(webhook.active && webhook.secret.startsWith("whsec_"), "no secret");
check(must(await client.GET("/v1/webhooks")).items.some((found) => found.id === webhook.id), "not listed");
const off = await client.PATCH("/v1/webhooks/{webhook_id}", { params: { path }, body: { active: false } });
check(!must(off).active, off.data);
const rotated = must(await client.POST("/v1/webhooks/{webhook_id}/rotate-secret", { params: { path } }));
check(rotated.secret !== webhook.secret, "the same secret");
const deliveries = must(await client.GET("/v1/webhooks/{webhook_id}/deliveries", { params: { path } }));
// The worker may process the bookings only now.
check(deliveries.items.every((delivery) => delivery.webhook_id === webhook.id), deliveries);
const deleted = await client.DELETE("/v1/webhooks/{webhook_id}", { params: { path } });
check(deleted.response.status === 204, deleted.error);
