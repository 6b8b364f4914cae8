//! Changes to what a module imports, defines and exports.
//!
//! What is done to many items at once looks at the list of imports once.

use super::{
    Body, ConstExpr, Export, Function, FunctionId, Global, GlobalId, Import, Item, Module, Origin, Table, TableId, Tag, TagId,
    TypeId, encode, section,
};
use std::collections::{HashMap, HashSet};
use wasmparser::{FuncType, GlobalType, TableType};

impl<'a> Module<'a> {
    /// The id of the function type `ty`, added if the module lacks it.
    pub fn type_id(&mut self, ty: &FuncType) -> TypeId {
        if let Some(&id) = self.type_ids.get(ty) {
            if self.dead_types.remove(&id) {
                self.touched.insert(section::TYPE);
            }
            return id;
        }
        self.touched.insert(section::TYPE);
        self.add_type(ty.clone())
    }

    pub(super) fn add_type(&mut self, ty: FuncType) -> TypeId {
        let id = TypeId(self.types.len() as u32);
        self.types.push(ty.clone());
        self.type_ids.entry(ty).or_insert(id);
        id
    }

    /// Imports the function `module.field`; the existing import of that name and type if there is one.
    pub fn import_function(&mut self, module: &str, field: &str, ty: &FuncType) -> FunctionId {
        let same_type = |id: FunctionId| self.signature(id) == ty;
        let known = self.imports.iter().find_map(|import| match import.item {
            Item::Function(id) if import.module == module && import.field == field && same_type(id) => Some(id),
            _ => None,
        });
        known.unwrap_or_else(|| self.add_imported_function(module, field, ty))
    }

    /// Imports the function `module.field` anew, without a look at what is imported already.
    pub fn add_imported_function(&mut self, module: &str, field: &str, ty: &FuncType) -> FunctionId {
        let ty = self.type_id(ty);
        let id = FunctionId(self.functions.len() as u32);
        self.functions.push(Function { ty, origin: Origin::Import });
        self.push_import(module, field, Item::Function(id));
        id
    }

    /// Imports the global `module.field`; the existing import of that name if there is one.
    pub fn import_global(&mut self, module: &str, field: &str, ty: GlobalType) -> GlobalId {
        if let Some(Item::Global(id)) = self.import(module, field) {
            return id;
        }
        let id = GlobalId(self.globals.len() as u32);
        self.globals.push(Global { ty, origin: Origin::Import });
        self.push_import(module, field, Item::Global(id));
        id
    }

    /// Imports the exception tag `module.field`; the existing import of that name if there is one.
    pub fn import_tag(&mut self, module: &str, field: &str, ty: &FuncType) -> TagId {
        if let Some(Item::Tag(id)) = self.import(module, field) {
            return id;
        }
        let ty = self.type_id(ty);
        let id = TagId(self.tags.len() as u32);
        self.tags.push(Tag { ty, origin: Origin::Import });
        self.push_import(module, field, Item::Tag(id));
        id
    }

    /// Imports the table `module.field`; the existing import of that name if there is one.
    pub fn import_table(&mut self, module: &str, field: &str, ty: TableType) -> TableId {
        if let Some(Item::Table(id)) = self.import(module, field) {
            return id;
        }
        let id = TableId(self.tables.len() as u32);
        self.tables.push(Table { ty, origin: Origin::Import });
        self.push_import(module, field, Item::Table(id));
        id
    }

    fn push_import(&mut self, module: &str, field: &str, item: Item) {
        self.touched.insert(section::IMPORT);
        self.imports.push(Import { module: module.to_string().into(), field: field.to_string().into(), item });
    }

    /// Gives the imports behind `items` another field name.
    pub fn rename_imports(&mut self, items: &HashSet<Item>, field: &str) {
        self.touched.insert(section::IMPORT);
        for import in self.imports.iter_mut().filter(|import| items.contains(&import.item)) {
            import.field = field.to_string().into();
        }
    }

    /// Gives all imports that `names` has by their fields other fields, with their flags in the linking metadata.
    pub fn rename_fields(&mut self, names: &HashMap<&str, String>) {
        self.touched.insert(section::IMPORT);
        for import in &mut self.imports {
            if let Some(name) = names.get(&*import.field) {
                import.field = name.clone().into();
            }
        }
        for info in &mut self.dylink.import_info {
            if let Some(name) = names.get(info.field.as_str()) {
                info.field.clone_from(name);
            }
        }
    }

    /// Takes the import behind `item` out of the list; the caller says what becomes of the item.
    fn remove_import(&mut self, item: Item) {
        self.remove_imports(&HashSet::from([item]));
    }

    fn remove_imports(&mut self, items: &HashSet<Item>) {
        if items.is_empty() {
            return;
        }
        self.touched.insert(section::IMPORT);
        self.imports.retain(|import| !items.contains(&import.item));
    }

    /// Drops the flags of imports that are gone, which would make loaders look for them.
    pub fn forget_import_infos(&mut self) {
        let fields: HashSet<String> = self.imports.iter().map(|import| import.field.to_string()).collect();
        self.dylink.import_info.retain(|info| fields.contains(&info.field));
    }

    /// Adds a function that this module defines. `name` goes into the name section if there is one.
    pub fn add_function(&mut self, ty: &FuncType, body: Vec<u8>, name: &str) -> FunctionId {
        let ty = self.type_id(ty);
        let id = FunctionId(self.functions.len() as u32);
        self.touched.insert(section::FUNCTION);
        self.touched.insert(section::CODE);
        self.functions.push(Function { ty, origin: Origin::Defined(Body::new(body)) });
        self.new_names.push((id, name.to_string()));
        id
    }

    /// Gives functions new bodies, as [`Self::define_function`] does one.
    pub fn define_functions(&mut self, bodies: Vec<(FunctionId, Vec<u8>)>) {
        self.forget_imports(bodies.iter().map(|(id, _)| *id));
        for (id, body) in bodies {
            self.define_function(id, body);
        }
    }

    /// Gives the function `id` a new body. An import becomes a definition: every reference to it now means this body.
    pub fn define_function(&mut self, id: FunctionId, body: Vec<u8>) {
        if self.function(id).origin.is_import() {
            self.remove_import(Item::Function(id));
        }
        if self.function(id).origin.defined().is_none() {
            self.touched.insert(section::FUNCTION);
        }
        self.touched.insert(section::CODE);
        self.functions[id.0 as usize].origin = Origin::Defined(Body::new(body));
    }

    /// Removes functions to which nothing refers any more.
    pub fn remove_functions(&mut self, ids: &[FunctionId]) {
        self.forget_imports(ids.iter().copied());
        for id in ids {
            self.remove_function(*id);
        }
    }

    /// Removes the imports among some functions, in one look over all imports.
    fn forget_imports(&mut self, ids: impl Iterator<Item = FunctionId>) {
        let imported: Vec<FunctionId> = ids.filter(|id| self.function(*id).origin.is_import()).collect();
        self.remove_imports(&imported.iter().map(|id| Item::Function(*id)).collect());
        for id in imported {
            self.functions[id.0 as usize].origin = Origin::Dead;
        }
    }

    /// Removes a function to which nothing refers any more.
    pub fn remove_function(&mut self, id: FunctionId) {
        match self.function(id).origin {
            Origin::Import => self.remove_import(Item::Function(id)),
            Origin::Defined(_) => {
                self.touched.insert(section::FUNCTION);
                self.touched.insert(section::CODE);
            }
            Origin::Dead => {}
        }
        self.functions[id.0 as usize].origin = Origin::Dead;
    }

    /// Removes a function and has every reference to it mean `by` instead, which has the same type.
    pub fn replace_function(&mut self, id: FunctionId, by: FunctionId) {
        self.remove_function(id);
        self.replaced.insert(id, by);
        for section in [section::EXPORT, section::ELEMENT, section::CODE, section::GLOBAL, section::START] {
            self.touched.insert(section);
        }
    }

    /// Removes imported functions and has every reference to each mean another function of the same type instead.
    pub fn replace_functions(&mut self, pairs: &[(FunctionId, FunctionId)]) {
        self.forget_imports(pairs.iter().map(|(import, _)| *import));
        for (import, by) in pairs {
            self.replace_function(*import, *by);
        }
    }

    /// The function that a reference to `id` means: `id` itself unless it was replaced.
    pub fn resolved(&self, mut id: FunctionId) -> FunctionId {
        while let Some(by) = self.replaced.get(&id) {
            id = *by;
        }
        id
    }

    /// Removes globals to which nothing refers any more.
    pub fn remove_globals(&mut self, ids: &[GlobalId]) {
        let imported = |id: &&GlobalId| self.globals[id.0 as usize].origin.is_import();
        let imported: HashSet<Item> = ids.iter().filter(imported).map(|id| Item::Global(*id)).collect();
        self.remove_imports(&imported);
        for id in ids {
            if self.globals[id.0 as usize].origin.defined().is_some() {
                self.touched.insert(section::GLOBAL);
            }
            self.globals[id.0 as usize].origin = Origin::Dead;
        }
    }

    /// Removes exception tags to which nothing refers any more.
    pub fn remove_tags(&mut self, ids: &[TagId]) {
        let imported = |id: &&TagId| self.tags[id.0 as usize].origin.is_import();
        let imported: HashSet<Item> = ids.iter().filter(imported).map(|id| Item::Tag(*id)).collect();
        self.remove_imports(&imported);
        for id in ids {
            if self.tags[id.0 as usize].origin.defined().is_some() {
                self.touched.insert(section::TAG);
            }
            self.tags[id.0 as usize].origin = Origin::Dead;
        }
    }

    /// Removes a function type to which nothing refers any more.
    pub fn remove_type(&mut self, id: TypeId) {
        self.touched.insert(section::TYPE);
        self.dead_types.insert(id);
    }

    /// Whether the type is still there.
    pub fn has_type(&self, id: TypeId) -> bool {
        !self.dead_types.contains(&id)
    }

    /// Adds a mutable global that starts as `init`.
    pub fn add_global(&mut self, init: i32) -> GlobalId {
        let id = GlobalId(self.globals.len() as u32);
        self.touched.insert(section::GLOBAL);
        self.globals.push(Global { ty: encode::MUTABLE_I32, origin: Origin::Defined(ConstExpr::i32(init)) });
        id
    }

    /// Turns imported mutable `i32` globals into ones this module defines, 0 at first.
    pub fn define_globals(&mut self, ids: &[GlobalId]) {
        if ids.is_empty() {
            return;
        }
        self.remove_imports(&ids.iter().map(|id| Item::Global(*id)).collect());
        self.touched.insert(section::GLOBAL);
        for id in ids {
            self.globals[id.0 as usize] = Global { ty: encode::MUTABLE_I32, origin: Origin::Defined(ConstExpr::i32(0)) };
        }
    }

    /// Turns a function that this module defines into an import: every reference to it now means what is imported.
    pub fn import_as(&mut self, id: FunctionId, module: &str, field: &str) {
        self.touched.insert(section::FUNCTION);
        self.touched.insert(section::CODE);
        self.functions[id.0 as usize].origin = Origin::Import;
        self.push_import(module, field, Item::Function(id));
    }

    /// Exports `item` as `name`, behind the other exports.
    pub fn add_export(&mut self, name: &str, item: Item) {
        self.touched.insert(section::EXPORT);
        self.exports.push(Export { name: name.to_string().into(), item });
    }

    /// Has exports give out other items, by their names.
    pub fn redirect_exports(&mut self, items: &HashMap<&str, Item>) {
        self.touched.insert(section::EXPORT);
        for export in &mut self.exports {
            export.item = items.get(&*export.name).copied().unwrap_or(export.item);
        }
    }

    /// Drops the exports for which `unwanted` holds.
    pub fn remove_exports(&mut self, unwanted: impl Fn(&Export<'a>) -> bool) {
        self.touched.insert(section::EXPORT);
        self.exports.retain(|export| !unwanted(export));
    }

    /// Sets the function that runs at instantiation.
    pub fn set_start(&mut self, id: FunctionId) {
        self.touched.insert(section::START);
        self.start = Some(id);
    }
}
