"""One explanation method a file, named as the method; a new one is a new file here, imported below."""

from camaug.explainers.base import Evidence, Explainer, Explanation
from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.methods.ablation_cam import AblationCAM
from camaug.explainers.methods.aug_smooth import AugSmooth
from camaug.explainers.methods.cam import CAM
from camaug.explainers.methods.deconvnet import DeconvNet
from camaug.explainers.methods.eigen_cam import EigenCAM
from camaug.explainers.methods.eigen_grad_cam import EigenGradCAM
from camaug.explainers.methods.eigen_smooth import EigenSmooth
from camaug.explainers.methods.feature_maps import FeatureMaps
from camaug.explainers.methods.fem import FEM
from camaug.explainers.methods.finer_cam import FinerCAM
from camaug.explainers.methods.full_grad import FullGrad
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.explainers.methods.grad_cam_elementwise import GradCAMElementwise
from camaug.explainers.methods.grad_cam_plus_plus import GradCAMPlusPlus
from camaug.explainers.methods.gradient import Gradient
from camaug.explainers.methods.group_cam import GroupCAM
from camaug.explainers.methods.guided_backprop import GuidedBackprop
from camaug.explainers.methods.guided_grad_cam import GuidedGradCAM
from camaug.explainers.methods.hires_cam import HiResCAM
from camaug.explainers.methods.integrated_gradients import IntegratedGradients
from camaug.explainers.methods.is_cam import ISCAM
from camaug.explainers.methods.kpca_cam import KPCACAM
from camaug.explainers.methods.layer_cam import LayerCAM
from camaug.explainers.methods.legrad import LeGrad
from camaug.explainers.methods.noise_smooth import NoiseSmooth
from camaug.explainers.methods.refine_cam import RefineCAM
from camaug.explainers.methods.rise import RISE
from camaug.explainers.methods.score_cam import ScoreCAM
from camaug.explainers.methods.shapley_cam import ShapleyCAM
from camaug.explainers.methods.smooth_grad import SmoothGrad
from camaug.explainers.methods.smooth_grad_cam_plus_plus import SmoothGradCAMPlusPlus
from camaug.explainers.methods.ss_cam import SSCAM
from camaug.explainers.methods.x_grad_cam import XGradCAM
from camaug.explainers.methods.xrai import XRAI
from camaug.explainers.pixel_explainer import PixelExplainer
from camaug.explainers.registry import as_explainer, get_explainer, list_explainers, register_explainer
from camaug.explainers.target import Target
from camaug.explainers.wrapper import WrappingExplainer

__all__ = [
    "AblationCAM",
    "AugSmooth",
    "CAM",
    "DeconvNet",
    "EigenCAM",
    "EigenGradCAM",
    "EigenSmooth",
    "FEM",
    "FeatureMaps",
    "FinerCAM",
    "FullGrad",
    "GradCAM",
    "GradCAMElementwise",
    "GradCAMPlusPlus",
    "Gradient",
    "GroupCAM",
    "GuidedBackprop",
    "GuidedGradCAM",
    "HiResCAM",
    "ISCAM",
    "IntegratedGradients",
    "KPCACAM",
    "LayerCAM",
    "LeGrad",
    "NoiseSmooth",
    "RISE",
    "RefineCAM",
    "SSCAM",
    "ScoreCAM",
    "ShapleyCAM",
    "SmoothGrad",
    "SmoothGradCAMPlusPlus",
    "XGradCAM",
    "XRAI",
    "Evidence",
    "Explainer",
    "Explanation",
    "LayerEvidence",
    "LayerExplainer",
    "PixelExplainer",
    "Target",
    "WrappingExplainer",
    "as_explainer",
    "get_explainer",
    "list_explainers",
    "register_explainer",
]
