//! Reading an encoder of a family that is known, as its `config.json` names it: parameter by parameter, in the order of their use.
//!
//! A graph of a family uses its parameters one after another, whoever wrote it. What the family's own graph uses first in a layer is
//! what the given one uses first there, if its shape is the same. Of products that stand side by side, such as those of query and key,
//! the order is open: each is tried, and whoever compares the graphs finds the one that is right.

mod distances;

use std::collections::HashMap;

use crate::families::Gate;
use crate::interface::Interface;
use crate::proto::{GraphProto, NodeProto};
use crate::recognise::{RecognisedEncoder, Unrecognised};
use crate::trainable::{GraphParameter, GraphPart, parameters_of};
use crate::weights::Weight;
use crate::{EncoderConfig, Model, OnnxError, Weights, build};

use distances::{ProductSizes, TableProduct, table_of};

/// Rows of tables, and features, in the graph that the order of use is read from, which does not depend on them.
const FEW: usize = 8;

/// Operators that stand between a stored parameter and its use.
const HANDING_ON: [&str; 4] = ["Identity", "Cast", "Transpose", "DequantizeLinear"];

/// Readings of a graph as an encoder of a configuration.
pub struct FamilyReadings {
    config: EncoderConfig,
    expected: Vec<Used>,
    found: Vec<Used>,
    /// The given graph in float32.
    model: Model,
    pooled_output: Option<String>,
    /// Orders of the modules that stand side by side: for each group of names, those that stand in their places.
    orders: Vec<Vec<(String, String)>>,
    /// Products of the table of distances, layer by layer, where they stand in its place.
    products: Option<(ProductSizes, Vec<Used>)>,
}

/// A parameter and its use.
#[derive(Clone, Debug)]
struct Used {
    name: String,
    /// As the family has it: `[out, in]` for a product.
    shape: Vec<usize>,
    part: GraphPart,
    /// Is it stored as `[in, out]`?
    turned: bool,
    role: Option<Role>,
}

/// What is done with a parameter, where its operator tells: of equal numbers, as in an encoder that was not trained, there may be more
/// than the family has parameters, and factors are not to be taken for what is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Factor,
    Added,
}

impl Role {
    /// Of the input `index` of an operator.
    fn of(operator: &str, index: usize) -> Option<Self> {
        match (operator, index) {
            ("Mul", _)
            | ("LayerNormalization" | "SimplifiedLayerNormalization" | "RMSNormalization", 1)
            | ("SkipLayerNormalization" | "SkipSimplifiedLayerNormalization", 2) => Some(Self::Factor),
            ("Add", _)
            | ("LayerNormalization" | "Gemm" | "FusedGemm", 2)
            | ("SkipLayerNormalization", 3 | 4)
            | ("SkipSimplifiedLayerNormalization", 3) => Some(Self::Added),
            _ => None,
        }
    }

    /// May both be what is done with one parameter?
    fn agree(one: Option<Self>, other: Option<Self>) -> bool {
        one.is_none() || other.is_none() || one == other
    }
}

impl FamilyReadings {
    /// Reads the graph of `model`.
    ///
    /// # Errors
    /// [`Unrecognised`] for a graph whose parameters cannot be told.
    pub fn of(model: &Model, interface: &Interface, config: &EncoderConfig) -> Result<Self, Unrecognised> {
        let mismatch = |problem: OnnxError| Unrecognised::Mismatch(problem.to_string());
        let (model, parameters) = parameters_of(model, interface).map_err(mismatch)?;
        let mut found = uses(&model, &parameters);
        let mut config = config.clone();
        let products = take_products(&mut found, &config);
        if let (Some(_), Some(settings)) = (&products, &mut config.disentangled) {
            settings.normalised = false;
        }
        let few = small(&config);
        let has_pooler = found.iter().any(|used| used.part == GraphPart::Pooler);
        let own = build(&few, &numbered(&few, has_pooler).map_err(mismatch)?).map_err(mismatch)?;
        let own_interface = Interface::recognise(&own).map_err(mismatch)?;
        let (own, parameters) = parameters_of(&own, &own_interface).map_err(mismatch)?;
        let shapes: HashMap<String, Vec<usize>> =
            config.parameters(true).into_iter().map(|parameter| (parameter.name, parameter.shape)).collect();
        let mut expected = uses(&own, &parameters);
        for used in &mut expected {
            used.shape = shapes.get(&used.name).cloned().unwrap_or_default();
        }
        let pooled_output = match interface.pooled_outputs.as_slice() {
            [only] if has_pooler => Some(only.name.clone()),
            _ => None,
        };
        let orders = orders(&config);
        let mut readings = Self { config, expected, found, model, pooled_output, orders, products };
        if let Some(table) = readings.table_name() {
            readings.expected.retain(|used| used.name != table);
        }
        Ok(readings)
    }

    /// How many readings there are.
    pub fn len(&self) -> usize {
        self.orders.len() * self.swaps()
    }

    /// Never: there is the order of the family's own graph.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// One of the readings; 0 is the likeliest.
    ///
    /// # Errors
    /// [`Unrecognised::Mismatch`] where a parameter of the family is not in the graph.
    pub fn read(&self, number: usize) -> Result<RecognisedEncoder, Unrecognised> {
        let mismatch = |problem: OnnxError| Unrecognised::Mismatch(problem.to_string());
        let order = self.orders.get(number / self.swaps()).map_or(&[][..], Vec::as_slice);
        let mut taken = vec![false; self.found.len()];
        let mut weights = Weights::default();
        for used in &self.expected {
            let name = exchanged(&used.name, order);
            let is_it = |(at, other): &(usize, &Used)| {
                !taken[*at]
                    && other.part == used.part
                    && Role::agree(other.role, used.role)
                    && other.shape == *self.shape(&name, &used.shape)
            };
            let named = || self.found.iter().enumerate().filter(is_it).find(|(_, other)| other.name.ends_with(&name));
            let Some((at, other)) = named().or_else(|| self.found.iter().enumerate().find(is_it)) else {
                if used.role == Some(Role::Added) && used.shape.len() == 1 {
                    // Exporters leave a bias of zeros out.
                    let values = vec![0.0; used.shape[0]];
                    weights.insert(&name, Weight { shape: used.shape.clone(), values }).map_err(mismatch)?;
                    continue;
                }
                return Err(Unrecognised::Mismatch(format!(
                    "no parameter of the graph is as {:?} of {}, {:?}",
                    used.name, self.config.family, used.shape
                )));
            };
            taken[at] = true;
            let stored = self.model.initializer_floats(&other.name).map_err(mismatch)?;
            let values = if other.turned { turned(&stored, &other.shape) } else { stored.into_owned() };
            weights.insert(&name, Weight { shape: other.shape.clone(), values }).map_err(mismatch)?;
        }
        let is_nothing = |used: &Used| {
            // The bias that an exporter writes where a normalisation has none, and a vector of equal numbers that several nodes read,
            // which counts once for each of them ([`TrainableGraph`](crate::TrainableGraph)).
            let values = self.model.initializer_floats(&used.name);
            used.shape.len() == 1 && values.is_ok_and(|values| values.iter().all(|value| *value == values[0]))
        };
        if let Some(at) = (0..taken.len()).find(|&at| !taken[at] && !is_nothing(&self.found[at])) {
            let Used { name, shape, .. } = &self.found[at];
            let family = self.config.family;
            return Err(Unrecognised::Mismatch(format!("{family} has no parameter as {name:?}, {shape:?}")));
        }
        if let (Some(name), Some((sizes, products))) = (self.table_name(), &self.products) {
            let table = self.table(&weights, *sizes, products, number % self.swaps() == 1).map_err(mismatch)?;
            let Some(values) = table else {
                let problem = "what stands in the place of the table of distances are no products of one";
                return Err(Unrecognised::Mismatch(problem.to_owned()));
            };
            let shape = vec![values.len() / self.config.hidden_size, self.config.hidden_size];
            weights.insert(&name, Weight { shape, values }).map_err(mismatch)?;
        }
        Ok(RecognisedEncoder { config: self.config.clone(), weights, pooled_output: self.pooled_output.clone() })
    }

    /// The orders of the two products of a layer with the table of distances.
    fn swaps(&self) -> usize {
        self.products.as_ref().map_or(1, |(sizes, _)| sizes.terms)
    }

    /// The name of the table of distances, if products of it stand in its place.
    fn table_name(&self) -> Option<String> {
        let names = self.config.family.layout().disentangled.as_ref()?;
        self.products.as_ref().map(|_| format!("{}.weight", names.table))
    }

    /// The table of distances that the products in its place were made of; the key's first, unless `swapped`.
    fn table(
        &self,
        weights: &Weights,
        sizes: ProductSizes,
        products: &[Used],
        swapped: bool,
    ) -> Result<Option<Vec<f32>>, OnnxError> {
        let hidden = self.config.hidden_size;
        let mut equations = Vec::new();
        for (number, pair) in products.chunks(sizes.terms).enumerate().take(distances::LAYERS) {
            let modules = self.config.layer_modules(number);
            let mut makers = vec![modules.key, modules.query];
            let settings = self.config.disentangled;
            if swapped || settings.is_some_and(|settings| !settings.content_to_position) {
                makers.reverse();
            }
            for (used, module) in pair.iter().zip(makers) {
                let stored = self.model.initializer_floats(&used.name)?;
                equations.push(TableProduct {
                    weight: weights.get(&format!("{module}.weight"), &[hidden, hidden])?,
                    bias: weights.get(&format!("{module}.bias"), &[hidden])?,
                    product: sizes.rows_of(&stored, &used.shape),
                });
            }
        }
        Ok(table_of(hidden, &equations))
    }

    fn shape<'b>(&'b self, name: &str, usual: &'b Vec<usize>) -> &'b Vec<usize> {
        self.expected.iter().find(|used| used.name == name).map_or(usual, |used| &used.shape)
    }
}

/// The same configuration with so few rows and features that a graph of it is made in no time.
fn small(config: &EncoderConfig) -> EncoderConfig {
    let hidden_size = config.num_attention_heads * FEW;
    EncoderConfig {
        vocab_size: FEW,
        hidden_size,
        embedding_size: if config.embedding_size == config.hidden_size { hidden_size } else { FEW },
        intermediate_size: 2 * FEW,
        ..config.clone()
    }
}

/// Takes the products of a table of distances out of what was found, if they stand in its place in every layer.
fn take_products(found: &mut Vec<Used>, config: &EncoderConfig) -> Option<(ProductSizes, Vec<Used>)> {
    let sizes = ProductSizes::of(config)?;
    let is_product = |used: &Used| matches!(used.part, GraphPart::Layers(..)) && sizes.is_it(&used.shape);
    let products: Vec<Used> = found.iter().filter(|used| is_product(used)).cloned().collect();
    if products.len() != sizes.terms * config.num_hidden_layers {
        return None;
    }
    found.retain(|used| !is_product(used));
    let layer = |used: &Used| if let GraphPart::Layers(first, _) = used.part { first } else { 0 };
    let mut products = products;
    products.sort_by_key(layer);
    Some((sizes, products))
}

/// Weights of which no two numbers in one parameter are equal: vectors of one number would be taken for several.
fn numbered(config: &EncoderConfig, has_pooler: bool) -> Result<Weights, OnnxError> {
    let mut weights = Weights::default();
    for parameter in config.parameters(has_pooler) {
        let count: usize = parameter.shape.iter().product();
        // Below what is taken for a mask.
        let values = (0..count).map(|number| number as f32 / count as f32).collect();
        weights.insert(&parameter.name, Weight { shape: parameter.shape, values })?;
    }
    Ok(weights)
}

/// The parameters in the order of their use.
fn uses(model: &Model, parameters: &[GraphParameter]) -> Vec<Used> {
    let nodes = model.graph();
    let mut place: HashMap<&str, ((usize, usize), Option<Role>)> = HashMap::new();
    // In the order of the file, in which exporters write down what is done. From the last node: what hands a parameter on has the place
    // of who reads that.
    for (at, node) in nodes.node.iter().enumerate().rev() {
        let handed_on = node.output.first().filter(|_| HANDING_ON.contains(&node.op_type()));
        let handed_on = handed_on.and_then(|output| place.get(output.as_str()).copied());
        for (index, input) in node.input.iter().enumerate() {
            // A normalisation reads its factors before its bias.
            let found = handed_on.unwrap_or_else(|| ((at, index), Role::of(node.op_type(), index)));
            let first = place.entry(input.as_str()).or_insert(found);
            if found.0 < first.0 {
                *first = found;
            }
        }
    }
    let mut used = Vec::new();
    for parameter in parameters {
        let turned = parameter.shape.len() == 2 && is_turned(nodes, &parameter.name);
        let mut shape = parameter.shape.clone();
        if turned {
            shape.reverse();
        }
        // Leading axes of size 1, as of tables that were sliced.
        while shape.len() > 1 && shape[0] == 1 && parameter.shape.len() > 2 {
            shape.remove(0);
        }
        let (place, role) = place.get(parameter.name.as_str()).copied().unwrap_or(((usize::MAX, 0), None));
        used.push((place, Used { name: parameter.name.clone(), shape, part: parameter.part, turned, role }));
    }
    used.sort_by_key(|(place, _)| *place);
    used.into_iter().map(|(_, used)| used).collect()
}

/// Is a matrix stored as `[in, out]`, as `MatMul` takes it?
fn is_turned(graph: &GraphProto, name: &str) -> bool {
    let mut name = name.to_owned();
    let mut turned = false;
    for _ in 0..8 {
        let Some(node) = graph.node.iter().find(|node| node.input.contains(&name)) else { return false };
        let is_right = node.input.get(1) == Some(&name);
        let flag = |node: &NodeProto, name: &str| node.int_attribute(name, 0) != 0;
        match node.op_type() {
            "Transpose" => turned = !turned,
            "Cast" | "Identity" => {}
            "MatMul" if is_right => return !turned,
            "Gemm" | "FusedMatMul" if is_right => return flag(node, "transB") == turned,
            _ => return false,
        }
        name.clone_from(&node.output[0]);
    }
    false
}

/// `[a, b]` of what is stored as `[b, a]`.
fn turned(stored: &[f32], shape: &[usize]) -> Vec<f32> {
    let [rows, columns] = *shape else { return stored.to_vec() };
    (0..rows).flat_map(|row| (0..columns).map(move |column| stored[column * rows + row])).collect()
}

/// The orders in which modules that stand side by side may be used, the usual one first: those of query, key and value, and
/// those of a product and its gate.
fn orders(config: &EncoderConfig) -> Vec<Vec<(String, String)>> {
    let names = &config.family.layout().layer;
    let mut groups = Vec::new();
    if names.together.is_none() {
        groups.push(vec![names.query, names.key, names.value]);
    }
    if let Gate::Apart(gate) = names.gate {
        groups.push(vec![names.intermediate, gate]);
    }
    let mut orders: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for group in groups {
        let ways = permutations(group.len());
        let with = |order: &Vec<(String, String)>, way: &Vec<usize>| {
            let moved = way.iter().enumerate().filter(|(from, to)| from != *to);
            let moved = moved.map(|(from, &to)| (group[from].to_owned(), group[to].to_owned()));
            order.iter().cloned().chain(moved).collect()
        };
        orders = orders.iter().flat_map(|order| ways.iter().map(|way| with(order, way)).collect::<Vec<_>>()).collect();
    }
    orders.sort_by_key(Vec::len);
    orders
}

/// The orders of so many things, as they stand first.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let places = (0..count).rev();
    places
        .flat_map(|place| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(place, count - 1);
                order
            })
        })
        .collect()
}

/// The name with one module in the place of another.
fn exchanged(name: &str, order: &[(String, String)]) -> String {
    for (from, to) in order {
        for end in ["weight", "bias"] {
            if let Some(stem) = name.strip_suffix(&format!(".{from}.{end}")) {
                return format!("{stem}.{to}.{end}");
            }
        }
    }
    name.to_owned()
}
