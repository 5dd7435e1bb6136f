#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| clinic_api_fuzz::body::check(text));
