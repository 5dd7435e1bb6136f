"""The tasks of a front desk, with the client that openapi-generator generates from the document."""

import os
from datetime import date, timedelta

from clinic_client import (
    ApiClient,
    AppointmentIn,
    AppointmentsApi,
    AppointmentStatus,
    AvailabilityApi,
    CancellationIn,
    ClinicIn,
    ClinicsApi,
    Configuration,
    EventType,
    PatientIn,
    PatientsApi,
    PersonName,
    PersonNameIn,
    Reschedule,
    StaffApi,
    StaffIn,
    WebhookIn,
    WebhookPatch,
    WebhooksApi,
)
from clinic_client.exceptions import ConflictException

client = ApiClient(Configuration(host=os.environ["API"], access_token=os.environ["TOKEN"]))
appointments, webhooks = AppointmentsApi(client), WebhooksApi(client)
day = date.today() + timedelta(days=7)

clinic = ClinicsApi(client).create_clinic(ClinicIn(name="Seefeld Family Practice", time_zone="Europe/Zurich"))
staff = StaffApi(client).create_staff_member(clinic.id, StaffIn(name="Dr. Anna Keller", role="physician"))
patient = PatientsApi(client).create_patient(
    PatientIn(name=PersonNameIn(PersonName(family="Example", given=["Ida"])), birth_date="1984-02-29")
)
assert (staff.active, patient.birth_date, patient.name.family) == (True, "1984-02-29", "Example")

free = AvailabilityApi(client).list_availability(clinic.id, var_from=day, to=day, duration_minutes=30, staff_id=staff.id)
assert free.slots[0].staff_id == staff.id

booking = AppointmentIn(
    staff_id=staff.id, patient_id=patient.id, start=f"{day}T09:00:00", duration_minutes=30, reason="check-up"
)
booked = appointments.create_appointment(clinic.id, booking, idempotency_key="one")
assert booked.status == AppointmentStatus.SCHEDULED
assert appointments.create_appointment(clinic.id, booking, idempotency_key="one").id == booked.id
try:
    appointments.create_appointment(clinic.id, booking)
    raise SystemExit("it was booked twice")
except ConflictException as refused:
    assert refused.data.code == "staff_busy", refused

listed = appointments.list_clinic_appointments(clinic.id, var_date=day, status=AppointmentStatus.SCHEDULED)
assert [found.id for found in listed.items] == [booked.id]

later = Reschedule(start=f"{day}T10:00:00")
moved = appointments.reschedule_appointment(clinic.id, booked.id, later, if_match='"1"')
assert moved.start - booked.start == timedelta(hours=1), moved

cancelled = appointments.cancel_appointment(clinic.id, booked.id, cancellation_in=CancellationIn(reason="ill"))
assert (cancelled.status, cancelled.cancellation_reason) == (AppointmentStatus.CANCELLED, "ill")

wanted = WebhookIn(
    url="https://hooks.example.org/clinic", event_types=[EventType.CLINIC_DOT_APPOINTMENT_DOT_BOOKED_DOT_V1]
)
webhook = webhooks.create_webhook(wanted)
assert webhook.active and webhook.secret.startswith("whsec_")
assert webhook.id in [found.id for found in webhooks.list_webhooks().items]
assert not webhooks.update_webhook(webhook.id, WebhookPatch(active=False)).active
assert webhooks.rotate_webhook_secret(webhook.id).secret != webhook.secret
# The worker may process the bookings only now.
assert all(delivery.webhook_id == webhook.id for delivery in webhooks.list_deliveries(webhook.id).items)
webhooks.delete_webhook(webhook.id)
