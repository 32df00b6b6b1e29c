from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-up/", views.sign_up, name="sign_up"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    # Django's admin has a sign-in form of its own, which would go round the limit on attempts.
    path("admin/login/", views.admin_sign_in),
    path("password/", views.password, name="password"),
    path("password/reset/", views.password_reset, name="password_reset"),
    path("password/reset/sent/", views.password_reset_sent, name="password_reset_sent"),
    path("password/reset/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
    path("me/", views.me, name="me"),
    path("me/email/", views.email, name="email"),
    path("me/tokens/", views.create_token, name="tokens"),
    path("me/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke_token"),
    path("me/export/", views.export, name="export"),
    path("me/erase/", views.erase, name="erase"),
]
