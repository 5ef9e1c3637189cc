//! Currency codes that messages may name, ISO 4217. What the ledger holds is another matter: its
//! currencies are registered by its council.

use std::{fmt, str::FromStr};

/// A code of the active list of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CurrencyCode(&'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no currency of ISO 4217: that is three capitals, such as EUR")]
pub struct CurrencyCodeFault;

impl CurrencyCode {
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Gold, silver, palladium and platinum, in which CBPR+ settles nothing.
    pub fn is_metal(self) -> bool {
        matches!(self.0, "XAU" | "XAG" | "XPD" | "XPT")
    }

    /// Digits after the point, by list one of ISO 4217. `None` where it gives none ("N.A."): of metals, of units
    /// of account, and of the codes that mean no currency.
    pub fn exponent(self) -> Option<u8> {
        match self.0 {
            "XAG" | "XAU" | "XBA" | "XBB" | "XBC" | "XBD" | "XDR" | "XPD" | "XPT" | "XSU" | "XTS" | "XUA" | "XXX" => {
                None
            }
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => Some(0),
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => Some(3),
            "CLF" | "UYW" => Some(4),
            _ => Some(2),
        }
    }
}

impl FromStr for CurrencyCode {
    type Err = CurrencyCodeFault;

    fn from_str(text: &str) -> Result<Self, CurrencyCodeFault> {
        let mut codes = CODES.split_ascii_whitespace();
        codes.find(|code| *code == text).map(Self).ok_or(CurrencyCodeFault)
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// List one of ISO 4217 as of 2026. BGN ended with 2025, and stays for messages about payments of then.
const CODES: &str = "
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
    LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB
    PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
    TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC
    XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_no_doubles() {
        let codes: Vec<_> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn metals_are_known_and_others_refused() {
        let metals = CODES
            .split_ascii_whitespace()
            .filter_map(|code| code.parse::<CurrencyCode>().ok());
        assert_eq!(metals.filter(|code| code.is_metal()).count(), 4);
        let check = |code: &str, exponent: Option<u8>| {
            assert_eq!(code.parse().map(CurrencyCode::exponent), Ok(exponent), "{code}");
        };
        check("EUR", Some(2));
        check("JPY", Some(0));
        check("KWD", Some(3));
        check("CLF", Some(4));
        check("XAU", None);
        for text in ["EU", "eur", "EURO", "", "DEM"] {
            assert_eq!(text.parse::<CurrencyCode>(), Err(CurrencyCodeFault), "{text:?}");
        }
    }
}
