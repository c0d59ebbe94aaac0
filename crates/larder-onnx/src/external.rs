//! Tensors whose data lies in files beside the model: taken into the model itself.
//!
//! The format: <https://onnx.ai/onnx/repo-docs/ExternalData.html>. A model is somebody else's file, so what it says about
//! other files is not trusted: a location outside the model's own folder is refused, links included, and no memory is asked
//! for before the file is known to hold that much.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use prost::Message;

use crate::proto::tensor_proto::{DataLocation, DataType};
use crate::proto::{AttributeProto, GraphProto, ModelProto, SparseTensorProto, TensorProto};
use crate::{Model, OnnxError};

impl Model {
    /// Returns true if a tensor keeps its data in another file.
    pub fn has_external_data(&self) -> bool {
        self.check_self_contained().is_err()
    }

    /// Returns the files beside the model that its data lies in, each once, as it names them. Nothing is checked about
    /// them.
    pub fn external_files(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        look_at_tensors(self.proto(), &mut |tensor| {
            if tensor.data_location() == DataLocation::External {
                found.insert(entry(tensor, "location").unwrap_or_default().to_owned());
            }
        });
        found.into_iter().collect()
    }

    /// Reads the data of all external files into the model, and returns the model and those files. `file` is the
    /// model's own, beside which they lie. A link is followed only to where the model's folder, or the model's own
    /// file, really is: the cache of a hub keeps all files of a model in one folder under their digests, and links to
    /// them under their names.
    ///
    /// # Errors
    /// [`OnnxError::ExternalLocation`] and [`OnnxError::ExternalLink`] for a file elsewhere, [`OnnxError::ExternalEntry`],
    /// [`OnnxError::ExternalRead`], [`OnnxError::ExternalRange`], [`OnnxError::ExternalSize`]; [`OnnxError::TooLarge`]
    /// when it would not fit into one file; [`OnnxError::TensorDtype`] for elements of unknown size.
    pub fn with_external_data(self, file: &Path) -> Result<(Self, Vec<PathBuf>), OnnxError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let own = file.canonicalize().ok().and_then(|file| file.parent().map(Path::to_path_buf));
        let roots = folder.canonicalize().into_iter().chain(own).collect();
        let mut loader = Loader { folder, roots, files: BTreeMap::new(), bytes: self.proto().encoded_len() };
        let mut proto = self.into_proto();
        each_tensor(&mut proto, &mut |tensor| loader.fill(tensor))?;
        Ok((Self::from_proto(proto)?, loader.files.into_keys().collect()))
    }
}

struct Loader<'a> {
    folder: &'a Path,
    /// The folders that files may lie in, links resolved.
    roots: Vec<PathBuf>,
    /// Each open file with its size in bytes.
    files: BTreeMap<PathBuf, (File, u64)>,
    /// Bytes that the model will take.
    bytes: usize,
}

impl Loader<'_> {
    fn fill(&mut self, tensor: &mut TensorProto) -> Result<(), OnnxError> {
        if tensor.data_location() != DataLocation::External {
            return Ok(());
        }
        let name = tensor.name().to_owned();
        let path = self.place(tensor)?;
        let expected = data_bytes(tensor)?;
        let wrong = |source| OnnxError::ExternalRead { tensor: name.clone(), path: path.clone(), source };
        if !self.files.contains_key(&path) {
            let target = path.canonicalize().map_err(wrong)?;
            if !self.roots.iter().any(|root| target.starts_with(root)) {
                return Err(OnnxError::ExternalLink { tensor: name, path, target });
            }
            let file = larder_files::open(&target).map_err(wrong)?;
            let bytes = file.metadata().map_err(wrong)?.len();
            self.files.insert(path.clone(), (file, bytes));
        }
        let Some((file, size)) = self.files.get_mut(&path) else { return Ok(()) };
        let offset = number(tensor, "offset")?.unwrap_or(0);
        let length = number(tensor, "length")?.unwrap_or(size.saturating_sub(offset));
        if offset.checked_add(length).is_none_or(|end| end > *size) {
            return Err(OnnxError::ExternalRange { tensor: name, path, offset, length, size: *size });
        }
        if length != expected {
            let dims = tensor.dims.clone();
            return Err(OnnxError::ExternalSize { tensor: name, path, dims, expected, found: length });
        }
        // The file holds this much, but many tensors may name one range of it.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(length);
        if i32::try_from(self.bytes).is_err() {
            return Err(OnnxError::TooLarge { bytes: self.bytes });
        }
        let mut data = vec![0; length];
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut data)).map_err(wrong)?;
        tensor.raw_data = Some(data.into());
        tensor.data_location = None;
        tensor.external_data.clear();
        Ok(())
    }

    /// The file that a tensor names, inside the model's folder.
    fn place(&self, tensor: &TensorProto) -> Result<PathBuf, OnnxError> {
        let location = entry(tensor, "location").unwrap_or_default();
        let path = Path::new(location);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        // On another system these would be separators.
        let foreign = location.contains(['\\', ':', '\0']);
        if !inside || foreign || path.file_name().is_none() {
            let location = location.to_owned();
            return Err(OnnxError::ExternalLocation { tensor: tensor.name().to_owned(), location });
        }
        Ok(self.folder.join(path))
    }
}

fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key() == key).map(|entry| entry.value())
}

fn number(tensor: &TensorProto, key: &'static str) -> Result<Option<u64>, OnnxError> {
    let Some(text) = entry(tensor, key) else { return Ok(None) };
    let wrong = |_| OnnxError::ExternalEntry { tensor: tensor.name().to_owned(), key, found: text.to_owned() };
    text.parse().map(Some).map_err(wrong)
}

/// Bytes that a tensor's data takes by its shape and type.
fn data_bytes(tensor: &TensorProto) -> Result<u64, OnnxError> {
    use DataType::*;
    let bits: u64 = match DataType::try_from(tensor.data_type()) {
        Ok(Uint2 | Int2) => 2,
        Ok(Uint4 | Int4 | Float4e2m1) => 4,
        Ok(Uint8 | Int8 | Bool | Float8e4m3fn | Float8e4m3fnuz | Float8e5m2 | Float8e5m2fnuz | Float8e8m0) => 8,
        Ok(Uint16 | Int16 | Float16 | Bfloat16) => 16,
        Ok(Float | Int32 | Uint32) => 32,
        Ok(Double | Int64 | Uint64 | Complex64) => 64,
        Ok(Complex128) => 128,
        _ => {
            let (tensor, found) = (tensor.name().to_owned(), tensor.dtype_name());
            return Err(OnnxError::TensorDtype { tensor, expected: "a type of fixed size", found });
        }
    };
    let count = tensor.element_count()? as u64;
    // More than this no file holds.
    Ok(count.checked_mul(bits).map_or(u64::MAX, |bits| bits.div_ceil(8)))
}

type Visit<'a> = dyn FnMut(&mut TensorProto) -> Result<(), OnnxError> + 'a;

/// Visits every constant of a model, those inside nodes and functions included.
fn each_tensor(model: &mut ModelProto, visit: &mut Visit<'_>) -> Result<(), OnnxError> {
    if let Some(graph) = &mut model.graph {
        of_graph(graph, visit)?;
    }
    let nodes = model.functions.iter_mut().flat_map(|function| &mut function.node);
    nodes.flat_map(|node| &mut node.attribute).try_for_each(|attribute| of_attribute(attribute, visit))
}

fn of_graph(graph: &mut GraphProto, visit: &mut Visit<'_>) -> Result<(), OnnxError> {
    graph.initializer.iter_mut().try_for_each(&mut *visit)?;
    graph.sparse_initializer.iter_mut().try_for_each(|sparse| of_sparse(sparse, visit))?;
    let mut attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    attributes.try_for_each(|attribute| of_attribute(attribute, visit))
}

fn of_attribute(attribute: &mut AttributeProto, visit: &mut Visit<'_>) -> Result<(), OnnxError> {
    attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(&mut *visit)?;
    let mut sparse = attribute.sparse_tensor.iter_mut().chain(&mut attribute.sparse_tensors);
    sparse.try_for_each(|sparse| of_sparse(sparse, visit))?;
    attribute.g.iter_mut().chain(&mut attribute.graphs).try_for_each(|graph| of_graph(graph, visit))
}

fn of_sparse(sparse: &mut SparseTensorProto, visit: &mut Visit<'_>) -> Result<(), OnnxError> {
    sparse.values.iter_mut().chain(&mut sparse.indices).try_for_each(visit)
}

/// The first tensor of a model whose data lies elsewhere, those inside nodes included.
pub(crate) fn first_external(model: &ModelProto) -> Option<&TensorProto> {
    let mut first = None;
    look_at_tensors(model, &mut |tensor| {
        if first.is_none() && tensor.data_location() == DataLocation::External {
            first = Some(tensor);
        }
    });
    first
}

type Look<'a, 'm> = dyn FnMut(&'m TensorProto) + 'a;

/// Visits the same tensors as [`each_tensor`] without changing them.
fn look_at_tensors<'m>(model: &'m ModelProto, look: &mut Look<'_, 'm>) {
    fn graph<'m>(of: &'m GraphProto, look: &mut Look<'_, 'm>) {
        of.initializer.iter().for_each(&mut *look);
        of.sparse_initializer.iter().for_each(|tensor| sparse(tensor, look));
        of.node.iter().flat_map(|node| &node.attribute).for_each(|inner| attribute(inner, look));
    }
    fn attribute<'m>(of: &'m AttributeProto, look: &mut Look<'_, 'm>) {
        of.t.iter().chain(&of.tensors).for_each(&mut *look);
        of.sparse_tensor.iter().chain(&of.sparse_tensors).for_each(|tensor| sparse(tensor, look));
        of.g.iter().chain(&of.graphs).for_each(|inner| graph(inner, look));
    }
    fn sparse<'m>(of: &'m SparseTensorProto, look: &mut Look<'_, 'm>) {
        of.values.iter().chain(&of.indices).for_each(look);
    }
    model.graph.iter().for_each(|of| graph(of, look));
    let nodes = model.functions.iter().flat_map(|function| &function.node);
    nodes.flat_map(|node| &node.attribute).for_each(|of| attribute(of, look));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Axis, GraphBuilder};
    use crate::proto::StringStringEntryProto;

    /// A model that adds four values kept elsewhere, under these entries.
    fn model(dims: &[i64], entries: &[(&str, &str)]) -> Model {
        let mut b = GraphBuilder::new("external", 17);
        let x = b.input("x", DataType::Float, &[Axis::symbol("n")]);
        let w = b.initializer(TensorProto {
            dims: dims.to_vec(),
            data_location: Some(DataLocation::External as i32),
            raw_data: None,
            external_data: entries
                .iter()
                .map(|(key, value)| StringStringEntryProto {
                    key: Some((*key).to_owned()),
                    value: Some((*value).to_owned()),
                })
                .collect(),
            ..TensorProto::from_f32("w", &[0], &[])
        });
        let sum = b.add(&x, &w);
        b.output(&sum, "y", DataType::Float, &[Axis::symbol("n")]);
        Model::from_graph(b.finish(), 17).expect("is sound")
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let values: Vec<u8> = (0..6).flat_map(|k| (k as f32).to_le_bytes()).collect();
        std::fs::create_dir(folder.path().join("sub")).expect("a folder");
        std::fs::write(folder.path().join("sub/w.bin"), &values).expect("a file");
        std::fs::write(folder.path().join("w.bin"), values).expect("a file");
        folder
    }

    #[test]
    fn data_is_taken_in() {
        let folder = folder();
        for (location, offset, first) in [("w.bin", "8", 2.0), ("./sub/w.bin", "0", 0.0)] {
            let given = model(&[4], &[("location", location), ("offset", offset), ("length", "16"), ("checksum", "x")]);
            assert!(given.has_external_data());
            assert_eq!(given.external_files(), [location]);
            let (model, files) = given.with_external_data(&folder.path().join("m.onnx")).expect("is there");
            assert!(!model.has_external_data());
            assert_eq!(files, [folder.path().join(location)]);
            assert_eq!(model.initializer_floats("w").expect("is inside")[0], first);
            assert_eq!(model.initializer_floats("w").expect("is inside").len(), 4);
        }
        let whole = model(&[6], &[("location", "w.bin")]).with_external_data(&folder.path().join("m.onnx"));
        assert_eq!(whole.expect("is whole").0.initializer_floats("w").expect("is inside")[5], 5.0);
    }

    #[test]
    fn what_a_model_says_about_files_is_not_trusted() {
        let folder = folder();
        let root = folder.path().join("sub");
        let outside = folder.path().join("w.bin").display().to_string();
        let error = |dims: &[i64], entries: &[(&str, &str)]| {
            model(dims, entries).with_external_data(&root.join("m.onnx")).expect_err("cannot be right")
        };
        for location in ["../w.bin", outside.as_str(), "", ".", "a/../../w.bin", "C:\\w.bin", "..\\w.bin"] {
            let error = error(&[4], &[("location", location)]);
            assert!(matches!(error, OnnxError::ExternalLocation { .. }), "{location}: {error}");
        }
        assert!(matches!(error(&[4], &[]), OnnxError::ExternalLocation { .. }));
        let missing = error(&[4], &[("location", "none.bin")]);
        assert!(matches!(missing, OnnxError::ExternalRead { .. }), "{missing}");
        assert!(missing.to_string().contains("\"w\"") && missing.to_string().contains("none.bin"), "{missing}");
        let short = error(&[7], &[("location", "w.bin")]).to_string();
        assert!(short.contains("28") && short.contains("24") && short.contains("w.bin"), "{short}");
        let range =
            |offset: &str, length: &str| error(&[4], &[("location", "w.bin"), ("offset", offset), ("length", length)]);
        assert!(matches!(range("12", "16"), OnnxError::ExternalRange { .. }));
        assert!(matches!(range("18446744073709551615", "16"), OnnxError::ExternalRange { .. }));
        assert!(matches!(range("0", "12"), OnnxError::ExternalSize { .. }));
        assert!(matches!(range("-1", "16"), OnnxError::ExternalEntry { key: "offset", .. }));
        // Declared sizes ask for no memory.
        let huge = error(&[1 << 40, 1 << 20], &[("location", "w.bin"), ("length", "4611686018427387904")]);
        assert!(matches!(huge, OnnxError::ExternalRange { .. }), "{huge}");
        assert!(matches!(error(&[-1], &[("location", "w.bin")]), OnnxError::TensorSize { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        use std::os::unix::fs::symlink;
        let folder = folder();
        let (snapshot, blobs) = (folder.path().join("snapshot"), folder.path().join("blobs"));
        std::fs::create_dir_all(snapshot.join("onnx")).expect("a folder");
        std::fs::create_dir(&blobs).expect("a folder");
        let file = snapshot.join("onnx/model.onnx");
        let data = model(&[6], &[("location", "w.bin")]);
        let link = snapshot.join("onnx/w.bin");

        // To a file beside the model's folder; through a folder that is a link.
        std::fs::write(&file, "").expect("a file");
        symlink(folder.path().join("w.bin"), &link).expect("a link");
        let outside = data.clone().with_external_data(&file).expect_err("leads out");
        assert!(matches!(outside, OnnxError::ExternalLink { .. }), "{outside}");
        assert!(outside.to_string().contains("w.bin"), "{outside}");
        symlink(folder.path().join("sub"), snapshot.join("onnx/elsewhere")).expect("a link");
        let through = model(&[6], &[("location", "elsewhere/w.bin")]).with_external_data(&file);
        assert!(matches!(through, Err(OnnxError::ExternalLink { .. })), "{through:?}");

        // As a hub's cache keeps them: the model itself is a link to where its data is.
        std::fs::remove_file(&file).expect("is there");
        std::fs::remove_file(&link).expect("is there");
        std::fs::write(blobs.join("1"), "").expect("a file");
        std::fs::copy(folder.path().join("w.bin"), blobs.join("2")).expect("a copy");
        symlink("../../blobs/1", &file).expect("a link");
        symlink("../../blobs/2", &link).expect("a link");
        assert_eq!(data.with_external_data(&file).expect("one cache").1, [link]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let folder = folder();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: what_is_no_regular_file_is_not_opened needs mkfifo");
            return;
        }
        for location in ["pipe", "sub"] {
            let error = model(&[4], &[("location", location)]).with_external_data(&folder.path().join("m.onnx"));
            assert!(matches!(error, Err(OnnxError::ExternalRead { .. })), "{location}: {error:?}");
        }
    }
}
