//! Any bytes are a contract or none: what another process answers to `describe` is read, listed and used to check arguments, whatever it
//! says.

#![no_main]
#![forbid(unsafe_code)]

use dimos::Contract;
use dimos::json_schema::Schema;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Ok(contract) = serde_json::from_slice::<Contract>(bytes) else { return };
    assert_eq!(contract.hash(), contract.clone().hash());
    assert!(contract.hash().len() <= 18);
    let text = serde_json::to_vec(&contract).expect("it is made of what JSON has");
    let again: Contract = serde_json::from_slice(&text).expect("it reads what it writes");
    // Numbers may come back as their neighbours.
    assert!(again.ports == contract.ports && again.class_name == contract.class_name);
    assert!(again.methods.keys().eq(contract.methods.keys()) && again.references.keys().eq(contract.references.keys()));
    let referenced = contract.references.values().flat_map(|reference| &reference.methods);
    for (name, method) in contract.methods.iter().chain(referenced) {
        assert!(method.signature(name).starts_with(name.as_str()));
        for schema in [&method.arguments, &method.result, &contract.config] {
            match Schema::compile(schema) {
                Ok(schema) => {
                    for value in [json!(null), json!({}), json!([1, "a"]), json!({ "x": 1.5 })] {
                        let _: Result<(), _> = schema.check(&value);
                    }
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
});
