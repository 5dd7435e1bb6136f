//! `GET /v1/clinics/{clinic_id}/appointments`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_clinics_appointments_are_listed_by_date_month_range_staff_and_status() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut second = clinic.clone();
    second.staff = app.staff_member(&clinic.path).await;
    second.patient = app.patient().await;
    let jan = app.booked(&clinic, "2035-01-31T09:00:00").await;
    let feb = app.booked(&clinic, "2035-02-01T09:00:00").await;
    let mar = app.booked(&second, "2035-03-01T09:00:00").await;
    app.step(&feb, "confirmed").await.expect(200);
    let list = async |query: &str| {
        let page = app
            .get(&format!("{}/appointments?{query}", clinic.path))
            .send()
            .await
            .expect(200)
            .json();
        assert_eq!(page["next_cursor"], json!(null), "{query}");
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| format!("{}/appointments/{}", clinic.path, item["id"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(list("").await, [jan.clone(), feb.clone(), mar.clone()]);
    assert_eq!(list("order=descending").await, [mar.clone(), feb.clone(), jan.clone()]);
    assert_eq!(list("date=2035-02-01").await, std::slice::from_ref(&feb));
    assert_eq!(list("month=2035-01").await, std::slice::from_ref(&jan));
    assert_eq!(list("from=2035-02-01&to=2035-03-01").await, [feb.clone(), mar.clone()]);
    assert_eq!(list("from=2035-02-02").await, std::slice::from_ref(&mar));
    assert_eq!(list("to=2035-01-31&consistent=true").await, std::slice::from_ref(&jan));
    assert_eq!(list("status=confirmed").await, std::slice::from_ref(&feb));
    let of_second = format!("staff_id={}&from=2035-02-15&to=2035-03-17", second.staff);
    assert_eq!(list(&of_second).await, std::slice::from_ref(&mar));
    assert_eq!(list(&format!("staff_id={}&month=2035-03", clinic.staff)).await, [] as [String; 0]);
}

#[tokio::test]
async fn parameters_of_lists_that_make_no_sense_are_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let of_staff = format!("staff_id={}", clinic.staff);
    let cases = [
        ("date=2035-02-30", "date"),
        ("date=20350201", "date"),
        ("month=2035-13", "month"),
        ("month=2035-1", "month"),
        ("date=2035-02-01&month=2035-02", "month"),
        ("date=2035-02-01&from=2035-02-01", "date"),
        ("month=2035-02&to=2035-02-01", "month"),
        ("from=2035-02-02&to=2035-02-01", "to"),
        ("status=done", "status"),
        ("order=random", "order"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("consistent=maybe", "consistent"),
        ("staff_id=me", "staff_id"),
        (&of_staff, "staff_id"),
        (&format!("{of_staff}&from=2035-01-01&to=2035-02-01"), "staff_id"),
        ("page=2", "page"),
    ];
    for (query, parameter) in cases {
        let refused = app.get(&format!("{}/appointments?{query}", clinic.path)).send().await;
        let problem = refused.problem(400, "invalid_parameter");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}: {problem}");
    }
}
