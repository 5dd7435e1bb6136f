//! The registration of `webhooks`.

use super::{
    dto::{WebhookOut, WebhookWithSecretOut},
    handlers,
    model::Webhook,
};
use crate::aggregate::{Aggregate, ItemType, NO, ORG, OpenApiRouter, Page, routes, rule};

/// The registration of webhooks.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("webhooks", "Receivers of events, and the deliveries to them."),
    item_types: &[ItemType::of::<Webhook>()],
    policy: &[
        //                            admin manager clinician front_desk patient service
        rule("list_webhooks",         [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("create_webhook",        [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("get_webhook",           [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("update_webhook",        [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("delete_webhook",        [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("rotate_webhook_secret", [ORG,  NO,     NO,       NO,        NO,     NO ]),
    ],
    guide: Some("events.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_webhooks, handlers::create_webhook))
            .routes(routes!(handlers::get_webhook, handlers::update_webhook, handlers::delete_webhook))
            .routes(routes!(handlers::rotate_webhook_secret))
    },
    schemas: |schemas| { schemas.add::<Page<WebhookOut>>(); schemas.add::<WebhookWithSecretOut>(); },
};
