//! Response shapes.

use crate::*;

#[test]
fn everything_of_every_item_is_valid() {
    let sim = sim_with(|config| config.seed = "events=30,messages=10".parse().expect("a seed"));
    for folder in ["calendar", "inbox"] {
        let parent = format!(r#"<t:DistinguishedFolderId Id="{folder}"/>"#);
        let found = call(
            &sim,
            &format!(
                r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{ALL}</m:ItemShape><m:ParentFolderIds>{parent}</m:ParentFolderIds></m:FindItem>"#
            ),
        );
        let synced = call(
            &sim,
            &format!(
                "<m:SyncFolderItems><m:ItemShape>{ALL}</m:ItemShape><m:SyncFolderId>{parent}</m:SyncFolderId><m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>"
            ),
        );
        let ids: Vec<String> = found
            .split("<t:ItemId ")
            .skip(1)
            .map(|part| format!("<t:ItemId {}/>", part.split("/>").next().unwrap_or_default()))
            .collect();
        assert!(ids.len() >= 10, "{found}");
        assert_eq!(synced.matches("<t:Create>").count(), ids.len());
        let read = get(&sim, &ids.concat(), ALL);
        assert_eq!(read.matches("<m:ResponseCode>NoError<").count(), ids.len());
        assert!(!found.contains("<t:Body") && read.contains("<t:Body"), "{found}");
    }
}

#[test]
fn bodies_come_in_the_form_asked_for() {
    let sim = sim();
    let id = item_id(&create_event(
        &sim,
        r#"<t:Subject>b</t:Subject><t:Body BodyType="Text">1 &lt; 2</t:Body>"#,
    ));
    let body = |kind: &str| {
        get(
            &sim,
            &id,
            &format!(
                r#"<t:BaseShape>IdOnly</t:BaseShape>{kind}<t:AdditionalProperties><t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>"#
            ),
        )
    };
    assert!(body("").contains(r#"<t:Body BodyType="Text">1 &lt; 2</t:Body>"#), "{}", body(""));
    assert!(
        body("<t:BodyType>HTML</t:BodyType>").contains("1 &amp;lt; 2"),
        "{}",
        body("<t:BodyType>HTML</t:BodyType>")
    );
}
