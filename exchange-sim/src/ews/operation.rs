//! Operations of Exchange that this server doesn't offer.

use super::xml::Element;

/// The request elements of the operations in Microsoft's WSDL (Exchange Online and 15.2.2562.17)
/// that have no declaration in the schema table.
const NOT_OFFERED: [&str; 89] = [
    "AddDelegate",
    "AddDistributionGroupToImList",
    "AddImContactToGroup",
    "AddImGroup",
    "AddNewImContactToGroup",
    "AddNewTelUriContactToGroup",
    "AddTag",
    "ApplyConversationAction",
    "ArchiveItem",
    "CreateFolderPath",
    "CreateManagedFolder",
    "CreateMeetingInstanceRequest",
    "CreateMeetingSpace",
    "CreateOrUpdateFocusedOtherOverride",
    "CreateUserConfiguration",
    "DeleteFocusedOtherOverride",
    "DeleteMeetingInstanceRequest",
    "DeleteMeetingSpace",
    "DeleteSearchSuggestion",
    "DeleteUserConfiguration",
    "DisableApp",
    "DisconnectPhoneCall",
    "EndSearchSession",
    "ExecuteSearch",
    "FindAvailableMeetingTimes",
    "FindConversation",
    "FindMeetingSpaceByJoinUrl",
    "FindMeetingTimeCandidates",
    "FindMessageTrackingReport",
    "FindPeople",
    "FindTags",
    "GetAppManifests",
    "GetAppMarketplaceUrl",
    "GetClientAccessToken",
    "GetConversationItems",
    "GetDelegate",
    "GetDiscoverySearchConfiguration",
    "GetFocusedOtherOverrides",
    "GetHoldOnMailboxes",
    "GetImItemList",
    "GetImItems",
    "GetInboxRules",
    "GetLastPrivateCatalogUpdate",
    "GetMailTips",
    "GetMeetingInstanceRequest",
    "GetMeetingSpace",
    "GetMessageTrackingReport",
    "GetNonIndexableItemDetails",
    "GetNonIndexableItemStatistics",
    "GetPasswordExpirationDate",
    "GetPersona",
    "GetPhoneCallInformation",
    "GetPrivateCatalogAddIns",
    "GetSearchSuggestions",
    "GetSearchableMailboxes",
    "GetServiceConfiguration",
    "GetSharingFolder",
    "GetSharingMetadata",
    "GetSpecificUserConfiguration",
    "GetUserPhoto",
    "GetUserRetentionPolicyTags",
    "HideTag",
    "InstallApp",
    "MarkAsJunk",
    "PlayOnPhone",
    "RefreshSharingFolder",
    "RegisterConsent",
    "RemoveContactFromImList",
    "RemoveDelegate",
    "RemoveDistributionGroupFromImList",
    "RemoveImContactFromGroup",
    "RemoveImGroup",
    "ReportMessage",
    "SearchMailboxes",
    "SetHoldOnMailboxes",
    "SetImGroup",
    "SetImListMigrationCompleted",
    "SetTeamMailbox",
    "SetUserPhoto",
    "StartSearchSession",
    "UninstallApp",
    "UnpinTeamMailbox",
    "UpdateDelegate",
    "UpdateExtensionUsage",
    "UpdateInboxRules",
    "UpdateItemInRecoverableItems",
    "UpdateMeetingInstanceRequest",
    "UpdateMeetingSpace",
    "UpdateUserConfiguration",
];

/// Whether a request is one of Exchange's that this server can't answer, nor hold against the
/// schema.
pub(crate) fn is_not_offered(request: &Element) -> bool {
    NOT_OFFERED.binary_search(&request.name.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::schema::Schema;
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The request elements of `services.wsdl` in a directory.
    fn operations(directory: &Path) -> BTreeSet<String> {
        let text = std::fs::read_to_string(directory.join("services.wsdl")).expect("a file");
        let root = Element::parse(&text).expect("well-formed");
        let messages = root.children.iter().filter(|child| child.name == "message");
        let requests = messages.filter(|message| {
            message.attribute("name").is_some_and(|name| name.ends_with("SoapIn"))
        });
        let elements = requests
            .flat_map(|message| &message.children)
            .filter_map(|part| part.attribute("element")?.strip_prefix("tns:"));
        elements.map(str::to_owned).collect()
    }

    #[test]
    fn the_names_are_those_of_the_wsdl_without_those_of_the_table() {
        let reference =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/ews/schema"));
        if !reference.exists() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "reference missing");
            println!("skipped: no reference material at {}", reference.display());
            return;
        }
        let mut wanted = operations(&reference.join("exo-2025-08"));
        wanted.extend(operations(&reference.join("onprem-se-15.2.2562.17")));
        let declared = |name: &String| Schema::get().elements.contains_key(&format!("m:{name}"));
        wanted.retain(|name| !declared(name));
        assert_eq!(wanted, NOT_OFFERED.map(str::to_owned).into());
        assert!(NOT_OFFERED.is_sorted());
    }
}
