//! The custom section `target_features`: which features the code of a module may use (tool-conventions, `Linking.md`).

use super::Module;
use wasmparser::BinaryReader;

const SECTION: &str = "target_features";

impl Module<'_> {
    /// Lists `wanted` in `target_features`, if the module has that section: tools such as wasm-opt reject instructions of features
    /// that it does not list.
    pub fn add_target_features(&mut self, wanted: &[&str]) {
        let Some(mut features) = self.custom_section(SECTION).and_then(read) else { return };
        for &feature in wanted {
            if features.iter().all(|(_, name)| name != feature) {
                let place = features.iter().position(|(_, name)| name.as_str() > feature).unwrap_or(features.len());
                features.insert(place, (b'+', feature.to_string()));
            }
        }
        self.write_target_features(&features);
    }

    /// Takes `unwanted` out of `target_features`.
    pub fn remove_target_feature(&mut self, unwanted: &str) {
        let Some(mut features) = self.custom_section(SECTION).and_then(read) else { return };
        let before = features.len();
        features.retain(|(_, name)| name != unwanted);
        if features.len() < before {
            self.write_target_features(&features);
        }
    }

    fn write_target_features(&mut self, features: &[(u8, String)]) {
        let mut payload = Vec::new();
        wasm_encoder::Encode::encode(&(features.len() as u32), &mut payload);
        for (prefix, name) in features {
            payload.push(*prefix);
            wasm_encoder::Encode::encode(name.as_str(), &mut payload);
        }
        self.replace_custom_section(SECTION, payload);
    }
}

/// The prefix (`+` used, `-` forbidden) and name of each feature.
fn read(payload: &[u8]) -> Option<Vec<(u8, String)>> {
    let mut reader = BinaryReader::new(payload, 0);
    let count = reader.read_var_u32().ok()?;
    (0..count).map(|_| Some((reader.read_u8().ok()?, reader.read_string().ok()?.to_string()))).collect()
}
