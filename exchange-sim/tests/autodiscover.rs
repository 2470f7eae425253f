//! Autodiscover in its three notations.

use base64::Engine;
use exchange_sim::{Config, Reply, Sim};

fn ask(method: &str, path: &str, body: &str, signed_in: bool) -> (u16, String) {
    let sim = Sim::new(Config::default()).expect("a simulator");
    let (user, password) = sim.with(|world| {
        let mailbox = world.mailboxes.values().next().expect("a mailbox");
        (mailbox.address.clone(), mailbox.password.clone())
    });
    let fill = |text: &str| text.replace("USER", &user);
    let mut request =
        http::Request::builder().method(method).uri(fill(path)).header("Host", "sim.example:81");
    if signed_in {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        request = request.header("Authorization", format!("Basic {pair}"));
    }
    match sim.handle(request.body(fill(body).into()).expect("a request")) {
        Reply::Respond { response, .. } => {
            (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
        }
        Reply::Close => panic!("closed"),
    }
}

const URL: &str = "http://sim.example:81/EWS/Exchange.asmx";

fn pox(address: &str) -> String {
    format!(
        "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006'><Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
    )
}

#[test]
fn plain_xml() {
    let path = "/Autodiscover/Autodiscover.xml";
    assert_eq!(ask("POST", path, &pox("USER"), false).0, 401);
    let (status, body) = ask("POST", path, &pox("USER"), true);
    assert!(status == 200 && body.matches(URL).count() == 2, "{body}");
    let (_, body) = ask("POST", path, &pox("nobody@x.example"), true);
    assert!(body.contains("ErrorCode>500<"), "{body}");
    assert!(ask("POST", path, "<", true).1.contains("ErrorCode>600<"));
}

#[test]
fn soap() {
    let body = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns='http://schemas.microsoft.com/exchange/2010/Autodiscover'><s:Body><GetUserSettingsRequestMessage><Request><Users><User><Mailbox>USER</Mailbox></User><User><Mailbox>no@x.example</Mailbox></User></Users><RequestedSettings><Setting>ExternalEwsUrl</Setting><Setting>Odd</Setting></RequestedSettings></Request></GetUserSettingsRequestMessage></s:Body></s:Envelope>";
    assert_eq!(ask("POST", "/autodiscover/autodiscover.svc", body, false).0, 401);
    let (status, answer) = ask("POST", "/autodiscover/autodiscover.svc", body, true);
    assert_eq!(status, 200, "{answer}");
    for part in [URL, "InvalidUser", "SettingIsNotAvailable"] {
        assert!(answer.contains(part), "{answer}");
    }
}

#[test]
fn json() {
    let path = "/autodiscover/autodiscover.json";
    let (status, body) = ask("GET", &format!("{path}/v1.0/USER?Protocol=EWS"), "", false);
    assert!(status == 200 && body.contains(URL), "{body}");
    let (status, body) = ask("GET", &format!("{path}?Email=USER&Protocol=odd"), "", false);
    assert!(status == 400 && body.contains("InvalidProtocol"), "{body}");
    assert_eq!(ask("GET", &format!("{path}/v1.0/no@x.example?Protocol=EWS"), "", false).0, 404);
}
