//! A set of days of the week, as weekly and relative patterns name them.

use std::fmt;

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

/// A set of days of the week.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day; EWS calls it Day where a month's days are counted.
    pub const ALL: Self = Self(0b111_1111);
    /// Monday to Friday; Weekday in EWS.
    pub const WORKING: Self = Self(0b001_1111);
    /// Saturday and Sunday; WeekendDay in EWS.
    pub const WEEKEND: Self = Self(0b110_0000);

    /// Whether `day` is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The days, from Monday.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::Monday.cycle_forward().take(7).filter(move |&day| self.contains(day))
    }
}

impl From<Weekday> for Weekdays {
    fn from(day: Weekday) -> Self {
        Self(bit(day))
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<T: IntoIterator<Item = Weekday>>(days: T) -> Self {
        Self(days.into_iter().fold(0, |set, day| set | bit(day)))
    }
}

impl From<Weekdays> for u8 {
    /// One bit a day, the lowest for Monday.
    fn from(days: Weekdays) -> Self {
        days.0
    }
}

impl TryFrom<u8> for Weekdays {
    type Error = &'static str;

    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        match bits & !Self::ALL.0 {
            0 => Ok(Self(bits)),
            _ => Err("a week has seven days"),
        }
    }
}

/// One day of the week, written as its number from Monday, which is 0.
pub(super) mod day {
    use jiff::civil::Weekday;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        day: &Weekday,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i8(day.to_monday_zero_offset())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Weekday, D::Error> {
        Weekday::from_monday_zero_offset(i8::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Debug for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}
