//! Countries, ISO 3166-1 alpha-2.

use std::{fmt, str::FromStr};

/// One of the 249 countries and territories of ISO 3166-1, or XK, which ISO leaves to its users and
/// which the IBAN registry and ISO 9362 use for Kosovo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(&'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no country of ISO 3166: that is two capitals, such as DE")]
pub struct CountryFault;

impl Country {
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for Country {
    type Err = CountryFault;

    fn from_str(text: &str) -> Result<Self, CountryFault> {
        let mut countries = COUNTRIES.split_ascii_whitespace().chain(["XK"]);
        countries.find(|country| *country == text).map(Self).ok_or(CountryFault)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const COUNTRIES: &str = "
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_iso_lists() {
        let countries: Vec<_> = COUNTRIES.split_ascii_whitespace().collect();
        assert_eq!(countries.len(), 249);
        assert!(countries.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn others_are_refused() {
        for text in ["XX", "de", "DEU", "", "D", "UK", "EU", "\n"] {
            assert_eq!(text.parse::<Country>(), Err(CountryFault), "{text:?}");
        }
        assert_eq!("XK".parse::<Country>().map(Country::as_str), Ok("XK"));
    }
}
