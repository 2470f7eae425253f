//! Who gets in, and as whom.

use crate::*;

fn get_calendar() -> &'static str {
    r#"<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>"#
}

fn impersonate(address: &str) -> String {
    format!(
        "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{address}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
    )
}

#[test]
fn without_credentials_nobody_gets_in() {
    let sim = sim();
    let wrong = format!("Basic {}", STANDARD.encode(format!("{ANNA}:wrong")));
    for authorization in ["", "Basic", "Basic ???", "Bearer nonsense", "Digest x", &wrong] {
        let (status, _) = post(&sim, authorization, &envelope("", get_calendar()));
        assert_eq!(status, 401, "{authorization}");
    }
    let probe = |method: &str, authorization: &str| {
        let request = Request::builder()
            .method(method)
            .uri("http://sim.example/EWS/Exchange.asmx")
            .header("Authorization", authorization)
            .body(bytes::Bytes::new())
            .expect("a request");
        sim.handle(request).status()
    };
    assert_eq!(probe("GET", ""), Some(401));
    for (method, status) in [("GET", 200), ("HEAD", 200), ("PUT", 405), ("DELETE", 405)] {
        assert_eq!(probe(method, &basic(ANNA)), Some(status), "{method}");
    }
}

#[test]
fn only_who_may_impersonates() {
    let sim = sim_with(|config| config.impersonators = vec![BEN.to_owned()]);
    let body = envelope(&impersonate(BEN), get_calendar());
    let (status, answer) = post(&sim, &basic(ANNA), &body);
    assert_eq!(status, 500);
    assert!(answer.contains("a:ErrorImpersonateUserDenied<"), "{answer}");
    let own = post(&sim, &basic(ANNA), &envelope("", get_calendar())).1;
    let (status, acted) = post(&sim, &basic(BEN), &envelope(&impersonate(ANNA), get_calendar()));
    assert_eq!(status, 200, "{acted}");
    assert_eq!(between(&own, "FolderId Id=", " "), between(&acted, "FolderId Id=", " "));
    let (_, nobody) =
        post(&sim, &basic(BEN), &envelope(&impersonate("x@y.example"), get_calendar()));
    assert!(nobody.contains("a:ErrorNonExistentMailbox<"), "{nobody}");
}

#[test]
fn an_application_must_impersonate() {
    let sim = sim();
    let (tenant, client, secret) = sim.with(|world| {
        let config = &world.config;
        (config.tenant.clone(), config.client.clone(), config.secret.clone())
    });
    let form = format!(
        "grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=https://outlook.office365.com/.default"
    );
    let request = Request::post(format!("http://sim.example/{tenant}/oauth2/v2.0/token"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.into())
        .expect("a request");
    let Reply::Respond { response, .. } = sim.handle(request) else { panic!("an answer") };
    let token: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
    let (status, alone) = post(&sim, &bearer, &envelope("", get_calendar()));
    assert_eq!(status, 500);
    assert!(alone.contains("a:ErrorInvalidExchangeImpersonationHeaderData<"), "{alone}");
    let (status, acted) = post(&sim, &bearer, &envelope(&impersonate(ANNA), get_calendar()));
    assert_eq!(status, 200, "{acted}");
    assert!(acted.contains("<t:DisplayName>Calendar<"), "{acted}");
}

#[test]
fn users_sign_in_under_several_names() {
    let sim = sim();
    let get = |user: &str| {
        let authorization = format!("Basic {}", STANDARD.encode(format!("{user}:{PASSWORD}")));
        post(&sim, &authorization, &envelope("", get_calendar())).0
    };
    for user in [ANNA, "Anna@Contoso.Example", r"CONTOSO\anna", r"contoso.example\anna"] {
        assert_eq!(get(user), 200, "{user}");
    }
    for user in ["anna", r"FABRIKAM\anna", r"CONTOSO\carl"] {
        assert_eq!(get(user), 401, "{user}");
    }
}

#[test]
fn a_delegated_token_opens_its_users_mailbox() {
    let sim = sim();
    let ask = |path: &str, form: &str| -> serde_json::Value {
        let url = format!("http://sim.example/{path}");
        let request = Request::post(url).body(form.to_owned().into()).expect("a request");
        let Reply::Respond { response, .. } = sim.handle(request) else { panic!("an answer") };
        serde_json::from_slice(response.body()).expect("JSON")
    };
    let token = |scope: &str| {
        let client = sim.with(|world| world.config.client.clone());
        let begun = ask(
            "organizations/oauth2/v2.0/devicecode",
            &format!("client_id={client}&scope=https://outlook.office365.com/{scope}"),
        );
        let code = begun["user_code"].as_str().expect("a code");
        ask("sim/devicecode", &format!(r#"{{"user_code": "{code}", "user": "{ANNA}"}}"#));
        let device = begun["device_code"].as_str().expect("a code");
        let answer = ask(
            "organizations/oauth2/v2.0/token",
            &format!(
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={client}&\
                 device_code={device}"
            ),
        );
        format!("Bearer {}", answer["access_token"].as_str().expect("a token"))
    };
    let bearer = token("EWS.AccessAsUser.All");
    let own = post(&sim, &basic(ANNA), &envelope("", get_calendar())).1;
    let (status, found) = post(&sim, &bearer, &envelope("", get_calendar()));
    assert_eq!(status, 200, "{found}");
    assert_eq!(between(&own, "FolderId Id=", " "), between(&found, "FolderId Id=", " "));
    let (_, other) = post(&sim, &bearer, &envelope(&impersonate(BEN), get_calendar()));
    assert!(other.contains("a:ErrorImpersonateUserDenied<"), "{other}");
    sim.with(|world| world.config.scopes.retain(|scope| !scope.starts_with("EWS")));
    assert_eq!(post(&sim, &token(".default"), &envelope("", get_calendar())).0, 401);
}
