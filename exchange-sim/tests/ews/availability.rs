//! GetUserAvailability and automatic replies.

use crate::*;

const PACIFIC: &str = "<t:TimeZone><t:Bias>480</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>11</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime><t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>2</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>";

fn availability(sim: &Server, addresses: &[&str], end: &str, view: &str) -> String {
    let data: String = addresses
        .iter()
        .map(|address| {
            format!("<t:MailboxData><t:Email><t:Address>{address}</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>")
        })
        .collect();
    call(
        sim,
        &format!(
            "<m:GetUserAvailabilityRequest>{PACIFIC}<m:MailboxDataArray>{data}</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2026-12-01T00:00:00</t:StartTime><t:EndTime>{end}</t:EndTime></t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>60</t:MergedFreeBusyIntervalInMinutes><t:RequestedView>{view}</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"
        ),
    )
}

const DAY: &str = "2026-12-02T00:00:00";

#[test]
fn the_owner_sees_details_and_others_times() {
    let sim = sim();
    // 11:00 to 12:00 UTC are 3:00 to 4:00 in Seattle.
    create_event(&sim, LUNCH);
    let own = availability(&sim, &[ANNA], DAY, "DetailedMerged");
    assert_eq!(element(&own, "t:FreeBusyViewType"), "DetailedMerged");
    assert_eq!(element(&own, "t:MergedFreeBusy"), "000200000000000000000000");
    let event = element(&own, "t:CalendarEvent");
    assert_eq!(element(event, "t:StartTime"), "2026-12-01T03:00:00");
    assert_eq!(element(event, "t:BusyType"), "Busy");
    assert_eq!(element(event, "t:Subject"), "Lunch");
    assert!(own.contains("<t:WorkingPeriod><t:DayOfWeek>Monday Tuesday"), "{own}");
    let envelope = envelope(
        "",
        &format!(
            "<m:GetUserAvailabilityRequest>{PACIFIC}<m:MailboxDataArray><t:MailboxData><t:Email><t:Address>{ANNA}</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData></m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2026-12-01T00:00:00</t:StartTime><t:EndTime>{DAY}</t:EndTime></t:TimeWindow><t:RequestedView>Detailed</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"
        ),
    );
    let (status, other) = post(&sim, &basic(BEN), &envelope);
    assert_eq!(status, 200);
    assert_eq!(element(&other, "t:FreeBusyViewType"), "FreeBusy");
    assert!(other.contains("<t:BusyType>Busy") && !other.contains("Lunch"), "{other}");
}

#[test]
fn what_can_not_be_answered_is_said_per_mailbox() {
    let sim = sim();
    let mixed = availability(&sim, &["nobody@contoso.example", BEN], DAY, "FreeBusy");
    assert!(mixed.contains("<m:ResponseCode>ErrorMailRecipientNotFound"), "{mixed}");
    assert!(mixed.contains("<m:ResponseCode>NoError"), "{mixed}");
    for (end, view, code) in [
        ("2026-11-30T00:00:00", "FreeBusy", "ErrorInvalidTimeInterval"),
        ("2027-03-15T00:00:00", "FreeBusy", "ErrorTimeIntervalTooBig"),
        (DAY, "None", "ErrorInvalidFreeBusyViewType"),
    ] {
        assert!(availability(&sim, &[ANNA], end, view).contains(code), "{code}");
    }
}

#[test]
fn times_for_a_meeting_are_suggested() {
    let sim = sim();
    // 9:00 to 10:00 on a Tuesday.
    create_event(
        &sim,
        "<t:Subject>x</t:Subject><t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>",
    );
    let utc = PACIFIC.replace("480", "0").replace("-60", "0");
    let answer = call(
        &sim,
        &format!(
            "<m:GetUserAvailabilityRequest>{utc}<m:MailboxDataArray><t:MailboxData><t:Email><t:Address>{ANNA}</t:Address></t:Email><t:AttendeeType>Organizer</t:AttendeeType></t:MailboxData><t:MailboxData><t:Email><t:Address>{BEN}</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData></m:MailboxDataArray><t:SuggestionsViewOptions><t:MaximumResultsByDay>3</t:MaximumResultsByDay><t:MeetingDurationInMinutes>60</t:MeetingDurationInMinutes><t:MinimumSuggestionQuality>Good</t:MinimumSuggestionQuality><t:DetailedSuggestionsWindow><t:StartTime>2026-12-01T00:00:00</t:StartTime><t:EndTime>2026-12-03T00:00:00</t:EndTime></t:DetailedSuggestionsWindow></t:SuggestionsViewOptions></m:GetUserAvailabilityRequest>"
        ),
    );
    let times: Vec<&str> = answer
        .split("<t:MeetingTime>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap_or_default())
        .collect();
    assert_eq!(
        times,
        [
            "2026-12-01T08:00:00",
            "2026-12-01T10:00:00",
            "2026-12-01T10:30:00",
            "2026-12-02T08:00:00",
            "2026-12-02T08:30:00",
            "2026-12-02T09:00:00",
        ]
    );
    assert_eq!(answer.matches("<t:DayQuality>Excellent").count(), 2);
    assert!(!answer.contains("FreeBusyResponseArray"), "{answer}");
}

fn oof(sim: &Server, operation: &str, inner: &str) -> String {
    call(
        sim,
        &format!(
            "<m:{operation}Request><t:Mailbox><t:Address>{ANNA}</t:Address></t:Mailbox>{inner}</m:{operation}Request>"
        ),
    )
}

#[test]
fn automatic_replies_are_kept() {
    let sim = sim();
    let fresh = oof(&sim, "GetUserOofSettings", "");
    assert_eq!(element(&fresh, "t:OofState"), "Disabled");
    let settings = |state: &str, end: &str| {
        format!(
            "<t:UserOofSettings><t:OofState>{state}</t:OofState><t:ExternalAudience>Known</t:ExternalAudience><t:Duration><t:StartTime>2026-12-01T00:00:00Z</t:StartTime><t:EndTime>{end}</t:EndTime></t:Duration><t:InternalReply><t:Message>Away</t:Message></t:InternalReply><t:ExternalReply><t:Message/></t:ExternalReply></t:UserOofSettings>"
        )
    };
    let late = oof(&sim, "SetUserOofSettings", &settings("Scheduled", "2026-11-30T00:00:00Z"));
    assert!(late.contains("ErrorInvalidScheduledOofDuration"), "{late}");
    let set = oof(&sim, "SetUserOofSettings", &settings("Scheduled", "2026-12-05T00:00:00Z"));
    assert!(set.contains("<m:ResponseCode>NoError"), "{set}");
    let kept = oof(&sim, "GetUserOofSettings", "");
    assert_eq!(element(&kept, "t:OofState"), "Scheduled");
    assert_eq!(element(&kept, "t:ExternalAudience"), "Known");
    assert_eq!(element(&kept, "t:EndTime"), "2026-12-05T00:00:00Z");
    assert!(kept.contains("<t:Message>Away</t:Message>"), "{kept}");
}
