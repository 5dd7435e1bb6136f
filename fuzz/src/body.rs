//! Bodies: none panics, and every accepted body is accepted again in the form that the service would write.

use clinic_api::{
    appointments::dto::{
        AppointmentDetailsIn, AppointmentIn, CancellationIn, ConfirmationIn, HoldIn, ReleaseIn,
        RescheduleIn, StatusIn,
    },
    error::{ApiResult, ErrorCode},
    http::body::{from_value, value},
    records::{
        clinics::model::ClinicDetails,
        exceptions::model::ExceptionDetails,
        patients::{dto::MergeIn, model::PatientDetails},
        resources::model::ResourceDetails,
        staff::model::StaffDetails,
        visit_types::model::VisitTypeDetails,
        webhooks::{dto::WebhookIn, model::target::AllowList},
    },
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, from_slice};
use validator::Validate;

fn parse<T: DeserializeOwned + Validate>(body: &[u8]) -> ApiResult<T> {
    from_value(&value(body)?)
}

fn take<T: DeserializeOwned + Serialize + Validate>(body: &[u8]) {
    match parse::<T>(body) {
        Err(error) => {
            // A body with JSON syntax but without a value, such as half a surrogate pair, can be reported as either error.
            let (syntax, value) = (from_slice::<IgnoredAny>(body), from_slice::<Value>(body));
            match error.code() {
                ErrorCode::ValidationFailed => assert!(syntax.is_ok()),
                code => assert!(code == ErrorCode::InvalidJson && value.is_err()),
            }
        }
        Ok(taken) => {
            let written = serde_json::to_vec(&taken).expect("it can be written");
            let again = parse::<T>(&written).unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(serde_json::to_vec(&again).expect("it can be written"), written);
        }
    }
}

/// Panics if the rule above does not hold. Input that is not UTF-8 is refused before.
pub fn check(body: &str) {
    let body = body.as_bytes();
    take::<ClinicDetails>(body);
    take::<StaffDetails>(body);
    take::<PatientDetails>(body);
    take::<MergeIn>(body);
    take::<AppointmentIn>(body);
    take::<AppointmentDetailsIn>(body);
    take::<StatusIn>(body);
    take::<CancellationIn>(body);
    take::<HoldIn>(body);
    take::<ConfirmationIn>(body);
    take::<ReleaseIn>(body);
    take::<RescheduleIn>(body);
    take::<ResourceDetails>(body);
    take::<VisitTypeDetails>(body);
    take::<ExceptionDetails>(body);
    take::<WebhookIn>(body);
    if let Ok(webhook) = parse::<WebhookIn>(body)
        && let Ok(url) = AllowList::default().check(&webhook.url)
    {
        assert!(url.scheme() == "https" && url.host().is_some());
        assert!(!url.authority().contains('@'), "what is connected to is what was looked at");
    }
}
