//! Parameters, moments and gradients that stay on the device: the optimizer is a graph too, and between steps nothing but
//! batches, the loss and the norm is copied.

use larder_graphs::{AdamW, TrainedParameter, flatten, flatten_parameters, optimizer_model};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model};
use larder_runtime::{Bound, DeviceVector, Runtime, SessionSettings, TensorView};

use crate::TuneError;
use crate::graph::{EVALUATION, TRAINING, scalar, session};
use crate::state::{State, UpdateRates};

const OPTIMIZER: &str = "optimizer graph";
const COPY: &str = "graph that copies to and from the device";

/// Training state on the device, one vector a group of parameters.
pub(crate) struct Resident {
    training: Bound,
    optimizer: Bound,
    groups: Vec<ParameterGroup>,
    copies: Copies,
    values: Vec<DeviceVector>,
    m: Vec<DeviceVector>,
    v: Vec<DeviceVector>,
    gradients: Vec<DeviceVector>,
    /// Zeros that the first batch of a step is added to, where steps have several batches.
    zeros: Option<Vec<DeviceVector>>,
}

/// Parameters that are updated alike.
struct ParameterGroup {
    rates: UpdateRates,
    /// Their places among all.
    members: Vec<usize>,
}

impl Resident {
    /// `training` has dense gradients of all parameters; `adds` where steps have several batches.
    pub fn new(
        runtime: &Runtime,
        training: Model,
        state: &State,
        adam: &AdamW,
        adds: bool,
        settings: &SessionSettings,
    ) -> Result<Self, TuneError> {
        let groups = grouped(state);
        let training = flatten(training, &named(&groups, &state.parameters), adds)?;
        let optimizer = optimizer_model(groups.len(), adam)?;
        let mut training = bound(runtime, training, TRAINING, settings)?;
        let mut optimizer = bound(runtime, optimizer, OPTIMIZER, settings)?;
        let mut copies = Copies(bound(runtime, copying()?, COPY, settings)?);
        let lengths: Vec<usize> =
            groups.iter().map(|group| group.members.iter().map(|&place| state.values[place].len()).sum()).collect();
        let vectors = || -> Result<Vec<DeviceVector>, TuneError> {
            let one = |&length: &usize| training.allocate(length).map_err(TuneError::run(TRAINING));
            lengths.iter().map(one).collect()
        };
        let (mut values, mut m, mut v, mut gradients) = (vectors()?, vectors()?, vectors()?, vectors()?);
        let mut zeros = if adds { Some(vectors()?) } else { None };
        for zeros in zeros.iter_mut().flatten() {
            copies.up(&vec![0.0; zeros.len()], zeros)?;
        }
        for number in 0..groups.len() {
            let name = |kind: &str| format!("{kind}.{number}");
            let wrong = TuneError::run(TRAINING);
            training.bind_input(&name("parameters"), &values[number]).map_err(&wrong)?;
            training.bind_output(&name("gradients"), &mut gradients[number]).map_err(&wrong)?;
            let wrong = TuneError::run(OPTIMIZER);
            optimizer.bind_input(&name("gradients"), &gradients[number]).map_err(&wrong)?;
            // Written where they are read: a `Where` chooses, element by element, between old and new, and what reads the
            // old ones besides is what the new ones are made of.
            for (kind, vectors) in [("parameters", &mut values), ("m", &mut m), ("v", &mut v)] {
                optimizer.bind_input(&name(kind), &vectors[number]).map_err(&wrong)?;
                optimizer.bind_output(&name(&format!("new_{kind}")), &mut vectors[number]).map_err(&wrong)?;
            }
        }
        let mut resident = Self { training, optimizer, groups, copies, values, m, v, gradients, zeros };
        resident.upload(state)?;
        Ok(resident)
    }

    /// Does the training graph have an input of that name?
    pub fn takes(&self, name: &str) -> bool {
        self.training.session().inputs().iter().any(|info| info.name == name)
    }

    /// The evaluation graph with these parameters, as they are when it runs.
    pub fn evaluation(
        &self,
        runtime: &Runtime,
        eval: Model,
        parameters: &[TrainedParameter],
        settings: &SessionSettings,
    ) -> Result<Bound, TuneError> {
        let eval = flatten_parameters(eval, &named(&self.groups, parameters))?;
        let mut eval = bound(runtime, eval, EVALUATION, settings)?;
        for (number, values) in self.values.iter().enumerate() {
            eval.bind_input(&format!("parameters.{number}"), values).map_err(TuneError::run(EVALUATION))?;
        }
        Ok(eval)
    }

    /// Brings parameters and moments to the device.
    pub fn upload(&mut self, state: &State) -> Result<(), TuneError> {
        let sets = [(&state.values, &mut self.values), (&state.m, &mut self.m), (&state.v, &mut self.v)];
        for (host, vectors) in sets {
            for (group, vector) in self.groups.iter().zip(vectors) {
                let flat: Vec<f32> = group.members.iter().flat_map(|&place| &host[place]).copied().collect();
                self.copies.up(&flat, vector)?;
            }
        }
        Ok(())
    }

    /// Brings the parameters back to the host, and where asked for the moments.
    pub fn download(&mut self, state: &mut State, moments: bool) -> Result<(), TuneError> {
        let sets = [(&mut state.values, &self.values), (&mut state.m, &self.m), (&mut state.v, &self.v)];
        for (host, vectors) in sets.into_iter().take(if moments { 3 } else { 1 }) {
            for (group, vector) in self.groups.iter().zip(vectors) {
                let into = |flat: &[f32]| {
                    let mut flat = flat;
                    for &place in &group.members {
                        let Some((these, others)) = flat.split_at_checked(host[place].len()) else { return };
                        host[place].copy_from_slice(these);
                        flat = others;
                    }
                };
                self.copies.down(vector, into)?;
            }
        }
        Ok(())
    }

    /// Adds the gradients of a batch, the first of a step to nothing, and gives its loss.
    pub fn gradients(&mut self, inputs: &[(&str, TensorView<'_>)], first: bool) -> Result<f64, TuneError> {
        let wrong = TuneError::run(TRAINING);
        if let Some(zeros) = &self.zeros {
            let earlier = if first { zeros } else { &self.gradients };
            for (number, earlier) in earlier.iter().enumerate() {
                self.training.bind_input(&format!("earlier.{number}"), earlier).map_err(&wrong)?;
            }
        }
        self.training.run_with(inputs, &["loss"], scalar).map_err(wrong)
    }

    /// One step of the optimizer: `step` counts from 1, and gradients are multiplied by `scale`, then clipped to `limit`.
    /// Gives their norm between the two; where that is no finite number nothing is changed.
    pub fn update(&mut self, step: usize, factor: f64, limit: f64, scale: f64) -> Result<f64, TuneError> {
        let scalars = [("step", step as f32), ("max_norm", limit as f32), ("gradient_scale", scale as f32)];
        let mut named: Vec<(String, [f32; 1])> =
            scalars.into_iter().map(|(name, value)| (name.to_owned(), [value])).collect();
        for (number, group) in self.groups.iter().enumerate() {
            named.push((format!("learning_rate.{number}"), [(group.rates.learning_rate * factor) as f32]));
            named.push((format!("weight_decay.{number}"), [group.rates.weight_decay as f32]));
        }
        let inputs: Vec<(&str, TensorView<'_>)> =
            named.iter().map(|(name, value)| (name.as_str(), TensorView::f32(&[], value))).collect();
        self.optimizer.run_with(&inputs, &["gradient_norm"], scalar).map_err(TuneError::run(OPTIMIZER))
    }
}

fn bound(runtime: &Runtime, model: Model, name: &'static str, settings: &SessionSettings) -> Result<Bound, TuneError> {
    Bound::new(session(runtime, model, name, settings)?).map_err(TuneError::run(name))
}

/// The parameters of each group.
fn named<'a>(groups: &[ParameterGroup], parameters: &'a [TrainedParameter]) -> Vec<Vec<&'a TrainedParameter>> {
    groups.iter().map(|group| group.members.iter().map(|&place| &parameters[place]).collect()).collect()
}

/// Parameters by how they are updated, in the order in which each way is met.
fn grouped(state: &State) -> Vec<ParameterGroup> {
    let mut groups: Vec<ParameterGroup> = Vec::new();
    for (place, rates) in state.groups.iter().enumerate() {
        match groups.iter_mut().find(|group| group.rates == *rates) {
            Some(group) => group.members.push(place),
            None => groups.push(ParameterGroup { rates: *rates, members: vec![place] }),
        }
    }
    groups
}

/// Copies between host and device: a graph that gives what it takes.
struct Copies(Bound);

fn copying() -> Result<Model, TuneError> {
    let axes = [Axis::symbol("elements")];
    let mut b = GraphBuilder::new("copy", 17);
    let from = b.input("from", DataType::Float, &axes);
    let to = b.identity(&from);
    b.output(&to, "to", DataType::Float, &axes);
    Ok(Model::from_graph(b.finish(), 17)?)
}

impl Copies {
    fn up(&mut self, host: &[f32], vector: &mut DeviceVector) -> Result<(), TuneError> {
        let wrong = TuneError::run(COPY);
        self.0.unbind();
        self.0.bind_output("to", vector).map_err(&wrong)?;
        self.0.run_with(&[("from", TensorView::f32(&[host.len()], host))], &[], |_| ()).map_err(wrong)
    }

    fn down(&mut self, vector: &DeviceVector, into: impl FnOnce(&[f32])) -> Result<(), TuneError> {
        let wrong = TuneError::run(COPY);
        self.0.unbind();
        self.0.bind_input("from", vector).map_err(&wrong)?;
        let read = |views: &[TensorView<'_>]| into(views[0].as_f32().unwrap_or_default());
        self.0.run_with(&[], &["to"], read).map_err(wrong)
    }
}
