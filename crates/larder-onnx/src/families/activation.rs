//! The activation between the two feed-forward products.

use larder_errors::spelled_enum;

use crate::builder::{GraphBuilder, Value};

spelled_enum! {
    /// The activation between the two feed-forward products, as `hidden_act` names it.
    pub enum Activation {
        /// `x · Φ(x)` with the error function (Hendrycks and Gimpel, 2016, <https://arxiv.org/abs/1606.08415>).
        Gelu = "gelu" | "gelu_python",
        /// Its approximation with tanh, from the same paper.
        GeluNew = "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast",
        /// `max(x, 0)`.
        Relu = "relu",
        /// `x · σ(x)` with the logistic function, from the same paper.
        Silu = "silu" | "swish",
    } else "unknown hidden_act {found:?}; known: {known}"
}

impl Activation {
    /// Applies it. Written the way exporters write it: the runtime recognises these patterns and runs each as one
    /// kernel.
    pub(crate) fn build(self, b: &mut GraphBuilder, x: &Value) -> Value {
        match self {
            // x/2 · (1 + erf(x/√2))
            Self::Gelu => {
                let (one, half) = (b.scalar("one", 1.0), b.scalar("half", 0.5));
                let root = b.scalar("sqrt_2", std::f32::consts::SQRT_2);
                let inner = b.div(x, &root);
                let inner = b.erf(&inner);
                let inner = b.add(&inner, &one);
                let product = b.mul(x, &inner);
                b.mul(&product, &half)
            }
            // x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
            Self::GeluNew => {
                let (one, half) = (b.scalar("one", 1.0), b.scalar("half", 0.5));
                let three = b.scalar("three", 3.0);
                let cubic = b.scalar("gelu_cubic", 0.044715);
                let slope =
                    b.scalar("sqrt_2_over_pi", std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2);
                let cube = b.pow(x, &three);
                let cube = b.mul(&cube, &cubic);
                let inner = b.add(x, &cube);
                let inner = b.mul(&inner, &slope);
                let inner = b.tanh(&inner);
                let inner = b.add(&inner, &one);
                let product = b.mul(x, &half);
                b.mul(&product, &inner)
            }
            Self::Relu => b.relu(x),
            Self::Silu => {
                let gate = b.sigmoid(x);
                b.mul(x, &gate)
            }
        }
    }
}
