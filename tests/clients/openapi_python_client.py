"""The tasks of a front desk, with the client that openapi-python-client generates from the document."""

import os
from datetime import date, timedelta

from clinic_api import AuthenticatedClient
from clinic_api.api.appointments import (
    cancel_appointment,
    create_appointment,
    list_clinic_appointments,
    reschedule_appointment,
)
from clinic_api.api.availability import list_availability
from clinic_api.api.clinics import create_clinic
from clinic_api.api.patients import create_patient
from clinic_api.api.staff import create_staff_member
from clinic_api.api.webhooks import (
    create_webhook,
    delete_webhook,
    list_deliveries,
    list_webhooks,
    rotate_webhook_secret,
    update_webhook,
)
from clinic_api.models import (
    AppointmentIn,
    AppointmentStatus,
    CancellationIn,
    ClinicIn,
    EventType,
    PatientIn,
    Problem,
    Reschedule,
    StaffIn,
    WebhookIn,
    WebhookPatch,
)

client = AuthenticatedClient(os.environ["API"], os.environ["TOKEN"], raise_on_unexpected_status=True)
day = date.today() + timedelta(days=7)

clinic = create_clinic.sync(client=client, body=ClinicIn(name="Seefeld Family Practice", time_zone="Europe/Zurich"))
staff = create_staff_member.sync(clinic.id, client=client, body=StaffIn(name="Dr. Anna Keller", role="physician"))
patient = create_patient.sync(client=client, body=PatientIn(name="Ida Example", birth_date="1984-02-29"))
assert (staff.active, patient.birth_date, patient.name.text) == (True, "1984-02-29", "Ida Example")

free = list_availability.sync(clinic.id, client=client, from_=day, to=day, duration_minutes=30, staff_id=staff.id)
assert free.slots[0].staff_id == staff.id

booking = AppointmentIn(
    staff_id=staff.id, patient_id=patient.id, start=f"{day}T09:00:00", duration_minutes=30, reason="check-up"
)
booked = create_appointment.sync(clinic.id, client=client, body=booking, idempotency_key="one")
again = create_appointment.sync(clinic.id, client=client, body=booking, idempotency_key="one")
assert (booked.status, booked.id) == (AppointmentStatus.SCHEDULED, again.id)
refused = create_appointment.sync(clinic.id, client=client, body=booking)
assert isinstance(refused, Problem) and refused.code == "staff_busy", refused

listed = list_clinic_appointments.sync(clinic.id, client=client, date=day, status=AppointmentStatus.SCHEDULED)
assert [found.id for found in listed.items] == [booked.id]

later = Reschedule(start=f"{day}T10:00:00")
moved = reschedule_appointment.sync(clinic.id, booked.id, client=client, body=later, if_match='"1"')
assert moved.start - booked.start == timedelta(hours=1), moved

cancelled = cancel_appointment.sync(clinic.id, booked.id, client=client, body=CancellationIn(reason="ill"))
assert (cancelled.status, cancelled.cancellation_reason) == (AppointmentStatus.CANCELLED, "ill")

wanted = WebhookIn(url="https://hooks.example.org/clinic", event_types=[EventType.CLINIC_APPOINTMENT_BOOKED_V1])
webhook = create_webhook.sync(client=client, body=wanted)
assert webhook.active and webhook.secret.startswith("whsec_")
assert webhook.id in [found.id for found in list_webhooks.sync(client=client).items]
off = update_webhook.sync(webhook.id, client=client, body=WebhookPatch(active=False))
assert not off.active
assert rotate_webhook_secret.sync(webhook.id, client=client).secret != webhook.secret
# The worker may process the bookings only now.
deliveries = list_deliveries.sync(webhook.id, client=client).items
assert all(delivery.webhook_id == webhook.id for delivery in deliveries)
assert delete_webhook.sync_detailed(webhook.id, client=client).status_code == 204
