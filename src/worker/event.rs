//! The event of a change: its type and its data.

use super::change::Change;
use crate::{
    appointments::model::{Appointment, Status},
    audit_events::model::Action,
    events::{
        AppointmentData, By, DeletedData, Event, EventData, EventType, PreviousSlot, RecordData,
    },
    records::exceptions::model::AvailabilityException,
    store::{Entity, Item, Record, StoreError, attributes::text},
};

const SOURCE: &str = "/clinic-api";

impl Change<'_> {
    /// Returns the event of the change, if it has one.
    pub fn event(&self) -> Result<Option<Event>, StoreError> {
        let event = match self.new {
            Some(new) if self.entry.record_kind == Appointment::TYPE => {
                Some(self.of_appointment(&read(new)?)?)
            }
            _ => self.record_type().map(|event_type| (event_type, self.record_data())),
        };
        Ok(event.map(|(r#type, data)| Event {
            specversion: "1.0".to_owned(),
            id: self.entry.event_id.clone(),
            source: SOURCE.to_owned(),
            r#type,
            subject: self.entry.record_id.to_string(),
            time: self.entry.recorded,
            datacontenttype: "application/json".to_owned(),
            org: self.org.to_string(),
            data,
        }))
    }

    /// Returns the event type named after the record's item type and the action, if there is one.
    fn record_type(&self) -> Option<EventType> {
        let action = match self.entry.action {
            Action::Create => "created",
            Action::Update => "updated",
            Action::Delete => "deleted",
        };
        let name = format!("clinic.{}.{action}.v1", self.entry.record_kind);
        EventType::ALL.iter().copied().find(|event_type| event_type.as_str() == name)
    }

    fn record_data(&self) -> EventData {
        let (id, by) = (self.entry.record_id.to_string(), self.by());
        let clinic_id = self.entry.clinic_id.as_ref().map(ToString::to_string);
        let [staff_id, resource_id] = ["staff_id", "resource_id"].map(|name| self.owner(name));
        match self.entry.record_rev {
            None => EventData::Deleted(DeletedData { id, clinic_id, staff_id, resource_id, by }),
            Some(rev) => {
                let changed = self.entry.changed.clone();
                let data = RecordData { id, clinic_id, changed, rev, staff_id, resource_id, by };
                EventData::Record(data)
            }
        }
    }

    /// Returns the owner of an exception from this attribute, if it is set.
    fn owner(&self, name: &str) -> Option<String> {
        let exception =
            self.new.or(self.old).filter(|_| self.entry.record_kind == AvailabilityException::TYPE);
        exception.and_then(|exception| text(exception, name)).map(str::to_owned)
    }

    fn of_appointment(&self, new: &Appointment) -> Result<(EventType, EventData), StoreError> {
        let old = self.old.map(read::<Appointment>).transpose()?;
        let old = old.as_ref();
        let moved = old.is_none_or(|old| old.rescheduled_from != new.rescheduled_from);
        let previous = new.rescheduled_from.as_ref().filter(|_| moved).map(|from| PreviousSlot {
            start: from.start,
            duration_minutes: from.duration_minutes,
            staff_id: from.staff_id.to_string(),
        });
        let previous_status = old.map(|old| old.status).filter(|old| *old != new.status);
        let data = AppointmentData {
            appointment_id: new.id.to_string(),
            clinic_id: new.clinic_id.to_string(),
            staff_id: new.staff_id.to_string(),
            patient_id: new.patient_id.as_ref().map(ToString::to_string),
            resource_ids: new.resource_ids.iter().map(ToString::to_string).collect(),
            visit_type_id: new.visit_type_id.as_ref().map(ToString::to_string),
            status: new.status,
            previous_status,
            start: new.start,
            duration_minutes: new.duration_minutes,
            time_zone: new.time_zone.to_string(),
            previous,
            hold_expires_at: new.hold_expires_at.filter(|_| new.status == Status::Held),
            changed: self.entry.changed.clone(),
            rev: self.entry.record_rev.unwrap_or_default(),
            by: self.by(),
        };
        Ok((appointment_type(old, new), EventData::Appointment(Box::new(data))))
    }

    fn by(&self) -> By {
        By { subject: self.entry.subject.clone(), request_id: self.entry.asked_by.clone() }
    }
}

fn read<T: Record>(item: &Item) -> Result<T, StoreError> {
    Entity::from_item(item.clone()).map(|entity| entity.value)
}

/// Returns the event type of an appointment that was created or changed.
fn appointment_type(old: Option<&Appointment>, new: &Appointment) -> EventType {
    let Some(old) = old else {
        return match (&new.rescheduled_from, new.status) {
            (Some(_), _) => EventType::AppointmentRescheduled,
            (None, Status::Held) => EventType::AppointmentOffered,
            (None, _) => EventType::AppointmentBooked,
        };
    };
    if old.status != new.status {
        return match new.status {
            Status::Scheduled if old.status == Status::Held => EventType::AppointmentBooked,
            Status::Scheduled => EventType::AppointmentCheckInUndone,
            Status::Confirmed => EventType::AppointmentConfirmed,
            Status::CheckedIn => EventType::AppointmentCheckedIn,
            Status::Completed => EventType::AppointmentCompleted,
            Status::Cancelled => EventType::AppointmentCancelled,
            Status::NoShow => EventType::AppointmentNoShow,
            Status::Expired => EventType::AppointmentHoldExpired,
            Status::Held => EventType::AppointmentOffered,
        };
    }
    let is_moved = (old.start, old.duration_minutes) != (new.start, new.duration_minutes)
        || old.staff_id != new.staff_id
        || old.resource_ids != new.resource_ids;
    if is_moved { EventType::AppointmentRescheduled } else { EventType::AppointmentUpdated }
}
