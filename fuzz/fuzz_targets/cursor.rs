#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clinic_api_fuzz::cursor::check(data));
