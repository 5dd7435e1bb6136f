#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| clinic_api_fuzz::ids::check(text));
