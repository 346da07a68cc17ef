"""One explanation method a file, named as the method; a new one is a new file here, imported below."""

from camaug.explainers.ablation_cam import AblationCAM
from camaug.explainers.aug_smooth import AugSmooth
from camaug.explainers.base import Evidence, Explainer, Explanation
from camaug.explainers.cam import CAM
from camaug.explainers.deconvnet import DeconvNet
from camaug.explainers.eigen_cam import EigenCAM
from camaug.explainers.eigen_grad_cam import EigenGradCAM
from camaug.explainers.eigen_smooth import EigenSmooth
from camaug.explainers.feature_maps import FeatureMaps
from camaug.explainers.fem import FEM
from camaug.explainers.finer_cam import FinerCAM
from camaug.explainers.full_grad import FullGrad
from camaug.explainers.grad_cam import GradCAM
from camaug.explainers.grad_cam_elementwise import GradCAMElementwise
from camaug.explainers.grad_cam_plus_plus import GradCAMPlusPlus
from camaug.explainers.gradient import Gradient
from camaug.explainers.group_cam import GroupCAM
from camaug.explainers.guided_backprop import GuidedBackprop
from camaug.explainers.guided_grad_cam import GuidedGradCAM
from camaug.explainers.hires_cam import HiResCAM
from camaug.explainers.integrated_gradients import IntegratedGradients
from camaug.explainers.is_cam import ISCAM
from camaug.explainers.kpca_cam import KPCACAM
from camaug.explainers.layer_cam import LayerCAM
from camaug.explainers.layer_explainer import LayerEvidence, LayerExplainer
from camaug.explainers.legrad import LeGrad
from camaug.explainers.noise_smooth import NoiseSmooth
from camaug.explainers.pixel_explainer import PixelExplainer
from camaug.explainers.refine_cam import RefineCAM
from camaug.explainers.registry import as_explainer, get_explainer, list_explainers, register_explainer
from camaug.explainers.rise import RISE
from camaug.explainers.score_cam import ScoreCAM
from camaug.explainers.shapley_cam import ShapleyCAM
from camaug.explainers.smooth_grad import SmoothGrad
from camaug.explainers.smooth_grad_cam_plus_plus import SmoothGradCAMPlusPlus
from camaug.explainers.ss_cam import SSCAM
from camaug.explainers.target import Target
from camaug.explainers.wrapper import WrappingExplainer
from camaug.explainers.x_grad_cam import XGradCAM
from camaug.explainers.xrai import XRAI

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
