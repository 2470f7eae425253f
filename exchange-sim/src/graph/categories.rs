//! The master list of categories.

use super::calendar::page;
use super::call::Call;
use super::error::Error;
use super::event::select;
use super::list;
use super::write::{only, text};
use crate::store::settings::Category;
use crate::store::{self, World};
use crate::{Response, respond};
use serde_json::{Map, Value, json};

const MEMBERS: [&str; 3] = ["id", "displayName", "color"];
const PRESETS: u8 = 25;

/// All categories.
pub(super) fn list(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let mut found = Vec::new();
    for category in &call.mailbox(world)?.settings.categories {
        let json = render(category);
        let holds = match &call.query.filter {
            Some(filter) => filter.holds_entity(&&json)?,
            None => true,
        };
        if holds {
            found.push(json);
        }
    }
    list::sort(&mut found, call)?;
    Ok(page(call, "outlook/masterCategories", found))
}

/// One category.
pub(super) fn get(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let categories = &call.mailbox(world)?.settings.categories;
    Ok(shown(call, 200, &categories[position(categories, id)?]))
}

/// A new category, whose name no other may have.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let body = members(call)?;
    let name = body.get("displayName").map(|value| text("displayName", value)).transpose()?;
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
        return Err(Error::new(
            400,
            "ErrorInvalidProperty",
            "The name of the category must not be empty.",
        ));
    };
    let preset = color(&body)?.flatten();
    let mailbox = call.mailbox_mut(world)?;
    let lower = name.to_lowercase();
    if mailbox.settings.categories.iter().any(|known| known.name.to_lowercase() == lower) {
        // That names are unique is documented, the code of the refusal is not.
        return Err(Error::new(409, "CategoryNameDuplicate", "Category name is duplicate."));
    }
    let category = Category { id: mailbox.rng.guid(), name, preset };
    let response = shown(call, 201, &category);
    mailbox.settings.categories.push(category);
    Ok(response)
}

/// Gives a category another colour; its name stays (docs: outlookCategory-update).
pub(super) fn update(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let body = members(call)?;
    let preset = color(&body)?;
    let categories = &mut call.mailbox_mut(world)?.settings.categories;
    let at = position(categories, id)?;
    let category = &mut categories[at];
    if body.get("displayName").is_some_and(|name| name.as_str() != Some(&category.name)) {
        return Err(Error::new(
            400,
            "ErrorInvalidProperty",
            "The property 'displayName' is read-only and cannot be set.",
        ));
    }
    if let Some(preset) = preset {
        category.preset = preset;
    }
    Ok(shown(call, 200, category))
}

/// Takes a category from the list; items keep its name.
pub(super) fn delete(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let categories = &mut call.mailbox_mut(world)?.settings.categories;
    let at = position(categories, id)?;
    categories.remove(at);
    Ok(respond(204, "", ""))
}

fn members(call: &Call<'_>) -> Result<Map<String, Value>, Error> {
    let body = call.body()?;
    if call.strict {
        only(&body, &MEMBERS, "microsoft.graph.outlookCategory")?;
    }
    Ok(body)
}

/// The colour given: a preset, or none.
fn color(body: &Map<String, Value>) -> Result<Option<Option<u8>>, Error> {
    let Some(value) = body.get("color").filter(|value| !value.is_null()) else { return Ok(None) };
    let given = text("color", value)?;
    let known = std::iter::once(None).chain((0..PRESETS).map(Some));
    match known.into_iter().find(|preset| color_name(*preset).eq_ignore_ascii_case(&given)) {
        Some(preset) => Ok(Some(preset)),
        None => Err(Error::body(format!("Requested value '{given}' was not found."))),
    }
}

fn color_name(preset: Option<u8>) -> String {
    preset.map_or_else(|| "none".to_owned(), |number| format!("preset{number}"))
}

fn position(categories: &[Category], id: &str) -> Result<usize, Error> {
    let found = categories.iter().position(|category| category.id.eq_ignore_ascii_case(id));
    found.ok_or_else(|| store::Error::ItemNotFound.into())
}

fn shown(call: &Call<'_>, status: u16, category: &Category) -> Response {
    let mut json = select(render(category), call.query.select.as_ref());
    json["@odata.context"] = json!(call.context("outlook/masterCategories/$entity"));
    call.answer(status, &json)
}

fn render(category: &Category) -> Value {
    json!({
        "id": category.id,
        "displayName": category.name,
        "color": color_name(category.preset),
    })
}
