//! How numbers are written in the file: decimals in quotes, whole numbers without.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::reader::Reader;
use super::suggest::plain_decimal;
use super::value::Value;
use crate::domain::decimal::DecimalError;
use crate::domain::{Notional, Price, Qty, Rate};

macro_rules! decimals {
    ($($type:ty, $share:literal, $example:literal;)*) => {
        $(
            impl Value for $type {
                fn kind() -> String {
                    if $share { "share".to_owned() } else { "decimal".to_owned() }
                }

                fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
                    let example = format!("write for example \"{}\"", $example);
                    let meant = |text: &str| match plain_decimal(text, $share) {
                        Some(plain) if plain.parse::<Self>().is_ok() => format!("write \"{plain}\""),
                        Some(_) | None => example.clone(),
                    };
                    let what = match value.get_ref() {
                        DeValue::String(text) => match text.parse::<Self>() {
                            Ok(value) => return Some(value),
                            Err(DecimalError::NotPlain { .. }) => {
                                format!("is not a plain decimal number; {}", meant(text))
                            }
                            Err(DecimalError::TooFine { scale, .. }) => {
                                format!("has more than {scale} decimal places; write fewer")
                            }
                            Err(DecimalError::TooLarge { .. }) => {
                                format!("is too large; write {}", reader.range("'0'", "'1000000000'"))
                            }
                        },
                        DeValue::Integer(number) if number.radix() == 10 => {
                            format!("is a number without quotes; {}", meant(number.as_str()))
                        }
                        DeValue::Float(number) => format!("is a number without quotes; {}", meant(number.as_str())),
                        DeValue::Integer(_)
                        | DeValue::Boolean(_)
                        | DeValue::Datetime(_)
                        | DeValue::Array(_)
                        | DeValue::Table(_) => format!("is not a decimal number in quotes; {example}"),
                    };
                    reader.refuse(path, value.span(), &what);
                    None
                }

                fn view(&self) -> Json {
                    self.to_string().into()
                }
            }
        )*
    };
}

decimals! {
    Price, false, "0.01";
    Qty, false, "0.001";
    Notional, false, "100.50";
    Rate, true, "0.02";
}

macro_rules! whole_numbers {
    ($($type:ty)*) => {
        $(
            impl Value for $type {
                fn kind() -> String {
                    "whole number".to_owned()
                }

                fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
                    let read = |text: &str| text.parse::<Self>().ok();
                    let plain = |text: &str| plain_decimal(text, false).filter(|plain| read(plain).is_some());
                    let (what, meant) = match value.get_ref() {
                        DeValue::Integer(number) => match Self::from_str_radix(number.as_str(), number.radix()) {
                            Ok(number) => return Some(number),
                            Err(_) => ("does not fit", None),
                        },
                        DeValue::String(text) if read(text).is_some() => ("is in quotes", plain(text)),
                        DeValue::String(text) => ("is not a whole number", plain(text)),
                        DeValue::Float(number) => ("is not a whole number", plain(number.as_str())),
                        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                            ("is not a whole number", None)
                        }
                    };
                    let way_out =
                        meant.unwrap_or_else(|| format!("a whole number {}", reader.range("0", &Self::MAX.to_string())));
                    reader.refuse(path, value.span(), &format!("{what}; write {way_out}"));
                    None
                }

                fn view(&self) -> Json {
                    (*self).into()
                }
            }
        )*
    };
}

whole_numbers! { u32 u64 }
