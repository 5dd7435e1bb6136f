//! The items that are deleted with a clinic, a staff member or a resource: its exceptions and day
//! sheets, including past ones.

use jiff::civil::Date;

use crate::{
    id::{ClinicId, OwnerTag, ResourceId, StaffId},
    store::{Dependents, attributes::string, expression::Condition, keys},
};

/// Returns the dependents of a clinic, whose staff and resources are already deleted.
pub fn of_clinic(clinic: &ClinicId) -> [Dependents; 1] {
    [Dependents { range: keys::days_of_clinic(clinic), filter: None }]
}

/// Returns the dependents of a staff member.
pub fn of_staff(clinic: &ClinicId, staff: &StaffId) -> [Dependents; 2] {
    of_owner(clinic, staff.into(), &Condition::Equals("staff_id", string(staff)))
}

/// Returns the dependents of a resource.
pub fn of_resource(clinic: &ClinicId, resource: &ResourceId) -> [Dependents; 2] {
    of_owner(clinic, resource.into(), &Condition::Equals("resource_id", string(resource)))
}

fn of_owner(clinic: &ClinicId, owner: OwnerTag, own: &Condition) -> [Dependents; 2] {
    let exceptions = keys::exceptions_of_owner(clinic, owner, (Date::ZERO, Date::MAX));
    let sheets = keys::staff_day_sheets_from(clinic, Date::ZERO);
    [exceptions, sheets].map(|range| Dependents { range, filter: Some(own.clone()) })
}
