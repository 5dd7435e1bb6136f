"""Makes random requests acceptable: existing references, future times, and unused keys.

It only changes requests that are meant to be valid. Requests that the document forbids are sent unchanged.
"""

import re
import uuid
from datetime import datetime, timedelta, timezone

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

HOLD_ENDS = ("/confirm", "/release")
# Every change causes a delivery to each of them.
MOST_WEBHOOKS = 4
made_webhooks = []
APPOINTMENTS = re.compile(r"/v1/clinics/(CLN-[0-9A-Z]{24})/(appointments|holds)$")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def is_valid(case, location):
    """Whether a part of a request is meant to match the document."""
    part = case.meta.components.get(location) if case.meta else None
    return part is None or part.mode.is_positive


def make(base, authorization, path, body):
    """The response of a POST."""
    made = requests.post(f"{base}{path}", json=body, headers={"Authorization": authorization}, timeout=10)
    return made.json()


def bookable(base, authorization, clinic):
    """A new staff member of a clinic and a new patient; None if the clinic does not exist."""
    staff = make(base, authorization, f"/v1/clinics/{clinic}/staff", {"name": "Dr. Keller", "role": "physician"})
    if "id" not in staff:
        return None
    return staff["id"], make(base, authorization, "/v1/patients", {"name": "Ida Example"})["id"]


def held(base, authorization):
    """A new clinic with a hold."""
    clinic = {"name": "Seefeld Family Practice", "time_zone": "Europe/Zurich"}
    clinic = make(base, authorization, "/v1/clinics", clinic)["id"]
    staff, patient = bookable(base, authorization, clinic)
    hold = {"staff_id": staff, "patient_id": patient, "start": time_to_come(), "duration_minutes": 30, "hold_minutes": 5}
    return make(base, authorization, f"/v1/clinics/{clinic}/holds", hold)


def time_to_come():
    start = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    return (start + timedelta(days=1 + uuid.uuid4().int % 300)).isoformat()


def mend_headers(headers):
    # A key that was used with another body is refused.
    if headers.get("Idempotency-Key"):
        headers["Idempotency-Key"] = headers["Idempotency-Key"][:200] + uuid.uuid4().hex


def mend_hours(body):
    # A schema cannot express that a span ends after it begins and overlaps no other.
    for member in ("opening_hours", "working_hours"):
        if body.get(member):
            spans = body[member][: len(WEEKDAYS)]
            body[member] = [
                {"weekday": day, "from": "08:00", "to": "17:30"} for day, _ in zip(WEEKDAYS, spans, strict=False)
            ]


def mend_patient(body):
    # A schema cannot express that a name has a family name or a text, that a phone may have separators but not (0), that an address
    # has a member, that no identifier is repeated, or what an absolute URI is.
    contacts = [it for it in body.get("contacts") or [] if isinstance(it, dict)]
    for person in [body, *contacts]:
        if isinstance(person.get("name"), dict):
            person["name"]["family"] = "Example"
    for phone in [*(body.get("phones") or []), *(it.get("phone") for it in contacts)]:
        if isinstance(phone, dict) and isinstance(phone.get("value"), str):
            phone["value"] = "+41 44 555 12 34"
    if isinstance(body.get("address"), dict):
        body["address"]["city"] = "Bern"
    for at, identifier in enumerate(body.get("identifiers") or []):
        if isinstance(identifier, dict) and isinstance(identifier.get("system"), str):
            identifier["system"] = f"urn:example:{at}"
    if isinstance(body.get("deceased"), str):
        body["deceased"] = "2024-06"


def mend_values(body, changes):
    # Nor can it express the existing time zones, that a time zone never changes, the current time, or the number of decimals.
    if isinstance(body.get("time_zone"), str):
        body["time_zone"] = "Europe/Zurich"
        if changes:
            del body["time_zone"]
    if isinstance(body.get("birth_date"), str) and not "1850" <= body["birth_date"][:4] <= "2025":
        body["birth_date"] = "1984-02-29"
    mend_patient(body)
    if isinstance(body.get("phone"), str):
        # A pattern would have to allow separators anywhere, but not (0).
        body["phone"] = "+41 44 555 12 34"
    if isinstance(body.get("start"), str):
        body["start"] = time_to_come()
    if isinstance(body.get("url"), str):
        # A schema cannot express which URLs are allowed. This one does not resolve.
        body["url"] = "https://hooks.invalid/clinic"
    if isinstance(body.get("event_types"), list):
        body["event_types"] = list(dict.fromkeys(body["event_types"]))
    if isinstance(body.get("position"), dict):
        body["position"] = {"latitude": 47.3624, "longitude": 8.5512}


def mend_exception(body):
    # An exception needs ordered, near dates, an existing owner, and both times or none.
    today = datetime.now(timezone.utc).date()
    first = today + timedelta(days=uuid.uuid4().int % 300)
    body["first_date"], body["last_date"] = first.isoformat(), (first + timedelta(days=3)).isoformat()
    body["from"], body["to"] = "09:00", "12:00"
    body.pop("staff_id", None)
    body.pop("resource_id", None)


def mend_visit(body):
    # A booking has either a visit type or a length, its rooms must be of the clinic, and overrides must override something.
    for reference in ("visit_type_id", "resource_ids"):
        body.pop(reference, None)
    if isinstance(body.get("overrides"), dict):
        body["overrides"].update(overbook=True, reason="emergency")


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = case.headers or {}
    if is_valid(case, ParameterLocation.HEADER):
        mend_headers(headers)
    if not isinstance(case.body, dict) or not is_valid(case, ParameterLocation.BODY):
        return
    mend_hours(case.body)
    mend_values(case.body, changes=case.method == "PATCH")
    if case.method == "POST" and case.formatted_path.endswith("/exceptions"):
        mend_exception(case.body)
    if case.method == "POST" and case.formatted_path.endswith("/reschedule"):
        mend_visit(case.body)
        case.body.pop("staff_id", None)
    base, authorization = case.operation.base_url.rstrip("/"), headers.get("Authorization", "")
    if case.formatted_path.endswith(HOLD_ENDS) and is_valid(case, ParameterLocation.PATH):
        # A random hold secret is never valid.
        hold = held(base, authorization)
        if "id" in hold:
            case.path_parameters = {"clinic_id": hold["clinic_id"], "appointment_id": hold["id"]}
            case.body["hold_secret"] = hold["hold_secret"]
            case.body.pop("patient_id", None)
    if case.method == "POST" and case.formatted_path.endswith("/merge"):
        # The other patient must exist.
        other = make(base, authorization, "/v1/patients", {"name": "Ida Example"})
        if "id" in other:
            case.body["into"] = other["id"]
    booking = APPOINTMENTS.match(case.formatted_path)
    if case.method == "POST" and booking:
        mend_visit(case.body)
        case.body["duration_minutes"] = case.body.get("duration_minutes") or 30
        found = bookable(base, authorization, booking[1])
        if found:
            case.body["staff_id"], case.body["patient_id"] = found


@schemathesis.hook
def after_call(context, case, response):
    if case.method != "POST" or case.formatted_path != "/v1/webhooks" or response.status_code != 201:
        return
    made_webhooks.append(response.headers["location"][0])
    if len(made_webhooks) > MOST_WEBHOOKS:
        authorization = (case.headers or {}).get("Authorization", "")
        url = f"{case.operation.base_url.rstrip('/')}{made_webhooks.pop(0)}"
        requests.delete(url, headers={"Authorization": authorization}, timeout=10)
